ALTER TABLE "clusters" ADD COLUMN "acme_directory" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "acme_contact" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "acme_ca" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https" text DEFAULT 'off' NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https_redirect" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "hsts_days" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https_certificate" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "https_key" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "certificates" jsonb;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_https_key_secrets_id_fk" FOREIGN KEY ("https_key") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_https_known" CHECK (https in ('off', 'acme', 'uploaded'));--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_hsts_valid" CHECK (hsts_days between 0 and 730);