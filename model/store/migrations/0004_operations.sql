CREATE SEQUENCE "public"."fencing_tokens" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "lock_claims" (
	"entity_kind" text NOT NULL,
	"entity_id" text NOT NULL,
	"operation" text NOT NULL,
	"run" text NOT NULL,
	"mode" text NOT NULL,
	"most" integer,
	"token" bigint,
	"position" integer NOT NULL,
	"priority" integer NOT NULL,
	"since" timestamp with time zone NOT NULL,
	CONSTRAINT "lock_claims_entity_kind_entity_id_operation_pk" PRIMARY KEY("entity_kind","entity_id","operation")
);
--> statement-breakpoint
ALTER TABLE "operations" DROP CONSTRAINT "operations_state_known";--> statement-breakpoint
ALTER TABLE "task_attempts" DROP CONSTRAINT "task_attempts_state_known";--> statement-breakpoint
ALTER TABLE "tasks" DROP CONSTRAINT "tasks_state_known";--> statement-breakpoint
DROP INDEX "operations_open";--> statement-breakpoint
ALTER TABLE "operations" ALTER COLUMN "attempt" SET DEFAULT 1;--> statement-breakpoint
ALTER TABLE "servers" ADD COLUMN "concurrent_operations" integer DEFAULT 10 NOT NULL;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "engine_run" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "former_state" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "attention" jsonb;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "decision" jsonb;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "cancel_choice" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "queued_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "task_attempts" ADD COLUMN "execution" text;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "skipped_by" text;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "undoes" text;--> statement-breakpoint
ALTER TABLE "lock_claims" ADD CONSTRAINT "lock_claims_operation_operations_id_fk" FOREIGN KEY ("operation") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "lock_claims_operation" ON "lock_claims" USING btree ("operation");--> statement-breakpoint
CREATE UNIQUE INDEX "task_attempts_execution" ON "task_attempts" USING btree ("task","execution");--> statement-breakpoint
CREATE INDEX "operations_open" ON "operations" USING btree ("state") WHERE state in ('queued', 'running', 'needs_attention', 'undoing');--> statement-breakpoint
ALTER TABLE "servers" ADD CONSTRAINT "servers_concurrent_operations_valid" CHECK (concurrent_operations >= 1);--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_state_known" CHECK (state in ('queued', 'running', 'needs_attention', 'undoing', 'succeeded', 'failed', 'cancelled'));--> statement-breakpoint
ALTER TABLE "task_attempts" ADD CONSTRAINT "task_attempts_state_known" CHECK (state in ('pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled', 'undone'));--> statement-breakpoint
ALTER TABLE "tasks" ADD CONSTRAINT "tasks_state_known" CHECK (state in ('pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled', 'undone'));