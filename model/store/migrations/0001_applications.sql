ALTER TABLE "servers" DROP CONSTRAINT "servers_port_valid";--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "cluster" text;--> statement-breakpoint
UPDATE "environments" SET "cluster" = (SELECT "cluster" FROM "servers" WHERE "servers"."id" = "environments"."web_server");--> statement-breakpoint
ALTER TABLE "environments" ALTER COLUMN "cluster" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "database_server" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "www" text DEFAULT 'as_is' NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "redirect_aliases" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "redirects" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "php_version" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "mail" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "upload_mb" integer DEFAULT 64 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "database_password" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "salt" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "user" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "php" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "database" jsonb;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "placement" jsonb;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "vhost" jsonb;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "docroot" text;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "internal_address" text;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "php_versions" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "packages" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "trusted_proxies" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "capacity" integer;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "database" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "database_service" text DEFAULT 'mariadb';--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "database_port" integer DEFAULT 3306;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "database_ca" text;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_database_server_servers_id_fk" FOREIGN KEY ("database_server") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_database_password_secrets_id_fk" FOREIGN KEY ("database_password") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_salt_secrets_id_fk" FOREIGN KEY ("salt") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "environments_database_server" ON "environments" USING btree ("database_server");--> statement-breakpoint
CREATE INDEX "environments_cluster" ON "environments" USING btree ("cluster");--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_upload_valid" CHECK (upload_mb between 1 and 10240);--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_capacity_valid" CHECK (capacity >= 0);--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_port_valid" CHECK (port between 1 and 65535 and web_port between 1 and 65535 and database_port between 1 and 65535);