ALTER TABLE "clusters" DROP CONSTRAINT "clusters_kind_known";--> statement-breakpoint
ALTER TABLE "environments" DROP CONSTRAINT "environments_web_server_given";--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "connection" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "kubeconfig" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "context" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "namespace_prefix" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "ingress_class" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "storage_class" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "feedback_url" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "facts" jsonb;--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_kubeconfig_secrets_id_fk" FOREIGN KEY ("kubeconfig") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_connection" CHECK (kind = 'servers' or coalesce(connection, '') in ('kubeconfig', 'in_cluster'));--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_kind_known" CHECK (kind in ('servers', 'kubernetes'));