ALTER TABLE "task_attempts" ADD COLUMN "bytes" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "task_attempts" ADD COLUMN "log_writes" integer DEFAULT 0 NOT NULL;