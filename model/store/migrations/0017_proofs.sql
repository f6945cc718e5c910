DROP INDEX "backups_environment";--> statement-breakpoint
ALTER TABLE "backups" ADD COLUMN "judged_at" text;--> statement-breakpoint
ALTER TABLE "backups" ADD COLUMN "failure" text;--> statement-breakpoint
ALTER TABLE "backups" ADD COLUMN "recovery_seconds" integer;--> statement-breakpoint
ALTER TABLE "backups" ADD COLUMN "proven_on" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "drill_cluster" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "throwaway_of" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_drill_cluster_clusters_id_fk" FOREIGN KEY ("drill_cluster") REFERENCES "public"."clusters"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_throwaway_of_environments_id_fk" FOREIGN KEY ("throwaway_of") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "backups_proven" ON "backups" USING btree ("environment","created_at") WHERE state = 'proven';--> statement-breakpoint
CREATE INDEX "environments_throwaway" ON "environments" USING btree ("throwaway_of") WHERE throwaway_of is not null and state <> 'deleted';--> statement-breakpoint
CREATE INDEX "backups_environment" ON "backups" USING btree ("environment","created_at");