ALTER TABLE "archives" DROP CONSTRAINT "archives_origin_known";--> statement-breakpoint
ALTER TABLE "archives" ADD CONSTRAINT "archives_origin_known" CHECK (origin in ('export', 'collect', 'upload'));