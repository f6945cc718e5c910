ALTER TABLE "backups" ADD COLUMN "pinned" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "backups" ADD COLUMN "pin_note" text;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "keep_production" text DEFAULT 'last 3, daily 7, weekly 5, monthly 12' NOT NULL;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "keep_staging" text DEFAULT 'last 2, daily 7, weekly 2' NOT NULL;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "keep_development" text DEFAULT 'last 2, daily 3' NOT NULL;--> statement-breakpoint
ALTER TABLE "clusters" ADD COLUMN "keep_days" integer DEFAULT 7 NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "keep" text;--> statement-breakpoint
ALTER TABLE "task_attempts" ADD COLUMN "log_gone_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "task_attempts_log" ON "task_attempts" USING btree ("ended_at") WHERE bytes > 0 and log_gone_at is null;--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_keep_days_valid" CHECK (keep_days between 1 and 3660);