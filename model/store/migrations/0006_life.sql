ALTER TABLE "environments" ADD COLUMN "disabled_notice" text;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "current_release" text;--> statement-breakpoint
ALTER TABLE "releases" ADD COLUMN "locked" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "orphans" jsonb;--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_current_release_releases_id_fk" FOREIGN KEY ("current_release") REFERENCES "public"."releases"("id") ON DELETE no action ON UPDATE no action;