DROP INDEX "environments_name";--> statement-breakpoint
ALTER TABLE "environments" ALTER COLUMN "web_server" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "side_of" text;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_side_of_environments_id_fk" FOREIGN KEY ("side_of") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "environments_side" ON "environments" USING btree ("side_of") WHERE state <> 'deleted';--> statement-breakpoint
CREATE UNIQUE INDEX "environments_name" ON "environments" USING btree ("organisation","name") WHERE state <> 'deleted' and side_of is null;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_web_server_given" CHECK (web_server is not null or side_of is not null);