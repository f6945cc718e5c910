CREATE TABLE "backup_stores" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"type" text NOT NULL,
	"folder" text,
	"address" text,
	"user" text,
	"user_password" text,
	"password" text NOT NULL,
	CONSTRAINT "backup_stores_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "backup_stores_type_known" CHECK (type in ('directory', 'rest')),
	CONSTRAINT "backup_stores_place" CHECK (coalesce(case type when 'directory' then folder else address end, '') <> '')
);
--> statement-breakpoint
CREATE TABLE "backups" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"environment" text NOT NULL,
	"release" text NOT NULL,
	"backup_store" text NOT NULL,
	"note" text,
	"snapshot" text NOT NULL,
	"deployed_hash" text,
	"bytes" bigint,
	"manifest" jsonb,
	CONSTRAINT "backups_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "backups_state_known" CHECK (state in ('unproven', 'proven', 'failed', 'removed'))
);
--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "backup_store" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "acme_directory" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "acme_contact" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "acme_ca" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "backup_store" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https" text DEFAULT 'off' NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https_redirect" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "hsts_days" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https_certificate" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https_key" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "certificates" jsonb;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "disabled_notice" text;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "current_release" text;--> statement-breakpoint
ALTER TABLE "releases" ADD COLUMN "locked" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "orphans" jsonb;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD CONSTRAINT "backup_stores_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD CONSTRAINT "backup_stores_user_password_secrets_id_fk" FOREIGN KEY ("user_password") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD CONSTRAINT "backup_stores_password_secrets_id_fk" FOREIGN KEY ("password") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backups" ADD CONSTRAINT "backups_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backups" ADD CONSTRAINT "backups_environment_environments_id_fk" FOREIGN KEY ("environment") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backups" ADD CONSTRAINT "backups_release_releases_id_fk" FOREIGN KEY ("release") REFERENCES "public"."releases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backups" ADD CONSTRAINT "backups_backup_store_backup_stores_id_fk" FOREIGN KEY ("backup_store") REFERENCES "public"."backup_stores"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "backup_stores_name" ON "backup_stores" USING btree ("organisation","name") WHERE state <> 'deleted';--> statement-breakpoint
CREATE INDEX "backups_environment" ON "backups" USING btree ("environment");--> statement-breakpoint
CREATE UNIQUE INDEX "backups_snapshot" ON "backups" USING btree ("backup_store","environment","snapshot");--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_backup_store_backup_stores_id_fk" FOREIGN KEY ("backup_store") REFERENCES "public"."backup_stores"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_backup_store_backup_stores_id_fk" FOREIGN KEY ("backup_store") REFERENCES "public"."backup_stores"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_https_key_secrets_id_fk" FOREIGN KEY ("https_key") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_current_release_releases_id_fk" FOREIGN KEY ("current_release") REFERENCES "public"."releases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_https_known" CHECK (https in ('off', 'acme', 'uploaded'));--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_hsts_valid" CHECK (hsts_days between 0 and 730);