CREATE TABLE "deliveries" (
	"id" text PRIMARY KEY NOT NULL,
	"organisation" text NOT NULL,
	"receiver" text NOT NULL,
	"state" text DEFAULT 'collecting' NOT NULL,
	"urgent" boolean DEFAULT false NOT NULL,
	"test_by" text DEFAULT '' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"answer" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"first_tried_at" timestamp with time zone,
	"tried_at" timestamp with time zone,
	"next_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"engine_at" timestamp with time zone,
	CONSTRAINT "deliveries_state_known" CHECK (state in ('collecting', 'sending', 'delivered', 'given_up'))
);
--> statement-breakpoint
CREATE TABLE "delivery_notices" (
	"delivery" text NOT NULL,
	"notice" text NOT NULL,
	"again" boolean DEFAULT false NOT NULL,
	CONSTRAINT "delivery_notices_delivery_notice_pk" PRIMARY KEY("delivery","notice")
);
--> statement-breakpoint
CREATE TABLE "notices" (
	"id" text PRIMARY KEY NOT NULL,
	"organisation" text NOT NULL,
	"event" text NOT NULL,
	"key" text NOT NULL,
	"subject_kind" text NOT NULL,
	"subject_id" text NOT NULL,
	"subject_name" text NOT NULL,
	"project" text,
	"environment_kind" text,
	"operation" text,
	"path" text DEFAULT '' NOT NULL,
	"title" text NOT NULL,
	"message" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"over_at" timestamp with time zone,
	"dispatched_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "receivers" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"type" text NOT NULL,
	"url" text,
	"signing_secret" text,
	"addresses" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"project" text,
	"events" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"environment_kinds" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"repeat_hours" integer,
	"quiet_from" text,
	"quiet_until" text,
	"time_zone" text DEFAULT 'UTC' NOT NULL,
	"urgent_passes" boolean DEFAULT true NOT NULL,
	"trouble" text,
	CONSTRAINT "receivers_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "receivers_type_known" CHECK (type in ('webhook', 'email', 'chat')),
	CONSTRAINT "receivers_place" CHECK (case type when 'email' then jsonb_array_length(addresses) > 0 else url is not null end),
	CONSTRAINT "receivers_repeat_hours_valid" CHECK (repeat_hours between 1 and 8760)
);
--> statement-breakpoint
CREATE TABLE "pushes" (
	"id" text PRIMARY KEY NOT NULL,
	"organisation" text NOT NULL,
	"project" text NOT NULL,
	"provider" text NOT NULL,
	"delivery" text NOT NULL,
	"count" integer DEFAULT 1 NOT NULL,
	"event" text NOT NULL,
	"branch" text DEFAULT '' NOT NULL,
	"commit" text DEFAULT '' NOT NULL,
	"pusher" text DEFAULT '' NOT NULL,
	"state" text NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"look" text,
	"tip" text,
	"release" text,
	"builds" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"updates" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "pushes_state_known" CHECK (state in ('received', 'looking', 'building', 'updating', 'done', 'ignored', 'refused', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "follow_branch" text;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "webhook_secret" text;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_receiver_receivers_id_fk" FOREIGN KEY ("receiver") REFERENCES "public"."receivers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery_notices" ADD CONSTRAINT "delivery_notices_delivery_deliveries_id_fk" FOREIGN KEY ("delivery") REFERENCES "public"."deliveries"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery_notices" ADD CONSTRAINT "delivery_notices_notice_notices_id_fk" FOREIGN KEY ("notice") REFERENCES "public"."notices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receivers" ADD CONSTRAINT "receivers_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receivers" ADD CONSTRAINT "receivers_url_secrets_id_fk" FOREIGN KEY ("url") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receivers" ADD CONSTRAINT "receivers_signing_secret_secrets_id_fk" FOREIGN KEY ("signing_secret") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "receivers" ADD CONSTRAINT "receivers_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pushes" ADD CONSTRAINT "pushes_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pushes" ADD CONSTRAINT "pushes_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deliveries_receiver" ON "deliveries" USING btree ("receiver","id");--> statement-breakpoint
CREATE INDEX "deliveries_open" ON "deliveries" USING btree ("state") WHERE state in ('collecting', 'sending');--> statement-breakpoint
CREATE INDEX "deliveries_ended" ON "deliveries" USING btree ("ended_at");--> statement-breakpoint
CREATE UNIQUE INDEX "deliveries_collecting" ON "deliveries" USING btree ("receiver","urgent") WHERE state = 'collecting';--> statement-breakpoint
CREATE INDEX "delivery_notices_notice" ON "delivery_notices" USING btree ("notice");--> statement-breakpoint
CREATE INDEX "notices_new" ON "notices" USING btree ("id") WHERE dispatched_at is null;--> statement-breakpoint
CREATE INDEX "notices_lasting" ON "notices" USING btree ("organisation","key") WHERE over_at is null;--> statement-breakpoint
CREATE INDEX "notices_operation" ON "notices" USING btree ("operation");--> statement-breakpoint
CREATE INDEX "notices_at" ON "notices" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "receivers_name" ON "receivers" USING btree ("organisation","name") WHERE state <> 'deleted';--> statement-breakpoint
CREATE UNIQUE INDEX "pushes_delivery" ON "pushes" USING btree ("project","provider","delivery");--> statement-breakpoint
CREATE INDEX "pushes_project" ON "pushes" USING btree ("project","id");--> statement-breakpoint
CREATE INDEX "pushes_open" ON "pushes" USING btree ("state") WHERE state in ('received', 'looking', 'building', 'updating');--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_webhook_secret_secrets_id_fk" FOREIGN KEY ("webhook_secret") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;