CREATE TABLE "approval_rules" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"operation_types" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"step" text,
	"environment_kind" text,
	"project" text,
	"role" text DEFAULT 'operator' NOT NULL,
	"four_eyes" boolean DEFAULT true NOT NULL,
	"expires_hours" double precision NOT NULL,
	CONSTRAINT "approval_rules_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "approval_rules_expiry_valid" CHECK (expires_hours > 0 and expires_hours <= 2160)
);
--> statement-breakpoint
ALTER TABLE "schedules" ADD COLUMN "saved_by" text;--> statement-breakpoint
ALTER TABLE "approval_rules" ADD CONSTRAINT "approval_rules_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approval_rules" ADD CONSTRAINT "approval_rules_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "approval_rules_name" ON "approval_rules" USING btree ("organisation","name") WHERE state <> 'deleted';