ALTER TABLE "backup_stores" DROP CONSTRAINT "backup_stores_type_known";--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "port" integer;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "private_key" text;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "host_key" text;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "bucket" text;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "region" text;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "access_key" text;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD COLUMN "secret_key" text;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD CONSTRAINT "backup_stores_private_key_secrets_id_fk" FOREIGN KEY ("private_key") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD CONSTRAINT "backup_stores_secret_key_secrets_id_fk" FOREIGN KEY ("secret_key") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "backup_stores" ADD CONSTRAINT "backup_stores_type_known" CHECK (type in ('directory', 'sftp', 's3', 'rest'));