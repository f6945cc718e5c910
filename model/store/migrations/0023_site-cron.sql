CREATE TABLE "environment_cron" (
	"environment" text PRIMARY KEY NOT NULL,
	"organisation" text NOT NULL,
	"at" timestamp with time zone,
	"seconds" real,
	"state" text,
	"words" text DEFAULT '' NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp with time zone,
	"skipped_at" timestamp with time zone,
	"skipped_because" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
ALTER TABLE "environment_cron" ADD CONSTRAINT "environment_cron_environment_environments_id_fk" FOREIGN KEY ("environment") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_cron" ADD CONSTRAINT "environment_cron_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "environment_cron_failing" ON "environment_cron" USING btree ("organisation") WHERE failures > 0;