ALTER TABLE "clusters" ADD COLUMN "certificate_issuer" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "ingress_annotations" jsonb;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "tools_image" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "database_image" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "build_image" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "web_image" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "php_image" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "registry" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "registry_user" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "registry_password" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "registry_plain" boolean;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "cluster_database" boolean;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "replicas" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "cpu" double precision DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "memory_mb" integer DEFAULT 512 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "disk_gb" integer DEFAULT 5 NOT NULL;--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_registry_password_secrets_id_fk" FOREIGN KEY ("registry_password") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;