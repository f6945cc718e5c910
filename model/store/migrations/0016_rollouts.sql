CREATE TABLE "rollout_items" (
	"id" text PRIMARY KEY NOT NULL,
	"rollout" text NOT NULL,
	"position" integer NOT NULL,
	"wave" integer NOT NULL,
	"subject_id" text NOT NULL,
	"subject_name" text NOT NULL,
	"server" text,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"operation" text,
	"message" text DEFAULT '' NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "rollout_items_state_known" CHECK (state in ('pending', 'running', 'needs_attention', 'succeeded', 'failed', 'removed'))
);
--> statement-breakpoint
CREATE TABLE "rollouts" (
	"id" text PRIMARY KEY NOT NULL,
	"organisation" text NOT NULL,
	"operation_type" text NOT NULL,
	"title" text NOT NULL,
	"subject_kind" text NOT NULL,
	"input" jsonb NOT NULL,
	"selection" jsonb NOT NULL,
	"settings" jsonb NOT NULL,
	"state" text DEFAULT 'running' NOT NULL,
	"wave" integer DEFAULT 0 NOT NULL,
	"waves" integer NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"gate" jsonb,
	"started_by" text NOT NULL,
	"role" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"undoes" text,
	"idempotency_key" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "rollouts_state_known" CHECK (state in ('running', 'paused', 'waiting', 'succeeded', 'finished', 'aborted'))
);
--> statement-breakpoint
ALTER TABLE "rollout_items" ADD CONSTRAINT "rollout_items_rollout_rollouts_id_fk" FOREIGN KEY ("rollout") REFERENCES "public"."rollouts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_items" ADD CONSTRAINT "rollout_items_operation_operations_id_fk" FOREIGN KEY ("operation") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_undoes_rollouts_id_fk" FOREIGN KEY ("undoes") REFERENCES "public"."rollouts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "rollout_items_subject" ON "rollout_items" USING btree ("rollout","subject_id");--> statement-breakpoint
CREATE UNIQUE INDEX "rollout_items_position" ON "rollout_items" USING btree ("rollout","position");--> statement-breakpoint
CREATE INDEX "rollout_items_state" ON "rollout_items" USING btree ("rollout","state","wave","position");--> statement-breakpoint
CREATE INDEX "rollout_items_operation" ON "rollout_items" USING btree ("operation");--> statement-breakpoint
CREATE UNIQUE INDEX "rollouts_idempotency" ON "rollouts" USING btree ("organisation","idempotency_key");--> statement-breakpoint
CREATE INDEX "rollouts_organisation" ON "rollouts" USING btree ("organisation","id");--> statement-breakpoint
CREATE INDEX "rollouts_open" ON "rollouts" USING btree ("state") WHERE state in ('running', 'paused', 'waiting');