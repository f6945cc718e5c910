CREATE TABLE "archives" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"environment" text,
	"origin" text NOT NULL,
	"bytes" bigint NOT NULL,
	"sha256" text NOT NULL,
	"application" text,
	"primary_name" text,
	"deployed_hash" text,
	"goes_at" text NOT NULL,
	CONSTRAINT "archives_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "archives_state_known" CHECK (state in ('kept', 'deleted')),
	CONSTRAINT "archives_origin_known" CHECK (origin in ('export', 'upload')),
	CONSTRAINT "archives_sha256_valid" CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
ALTER TABLE "archives" ADD CONSTRAINT "archives_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "archives" ADD CONSTRAINT "archives_environment_environments_id_fk" FOREIGN KEY ("environment") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "archives_name" ON "archives" USING btree ("organisation","name") WHERE state <> 'deleted';--> statement-breakpoint
CREATE INDEX "archives_environment" ON "archives" USING btree ("environment");