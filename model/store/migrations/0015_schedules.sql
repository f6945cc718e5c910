CREATE TABLE "blackouts" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"note" text NOT NULL,
	"project" text,
	"begins" text,
	"ends" text,
	"cron" text,
	"lasts_minutes" integer,
	"time_zone" text DEFAULT 'UTC' NOT NULL,
	CONSTRAINT "blackouts_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')
);
--> statement-breakpoint
CREATE TABLE "schedule_entries" (
	"id" text PRIMARY KEY NOT NULL,
	"schedule" text NOT NULL,
	"subject_kind" text NOT NULL,
	"subject_id" text NOT NULL,
	"version" text,
	"written" text,
	"timing" jsonb,
	"checked_at" timestamp with time zone,
	"mended" text,
	"mended_at" timestamp with time zone,
	"next_at" timestamp with time zone,
	"last_due_at" timestamp with time zone,
	"last_state" text,
	"last_reason" text DEFAULT '' NOT NULL,
	"last_operation" text,
	"leaving" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "scheduled_runs" (
	"id" text PRIMARY KEY NOT NULL,
	"entry" text NOT NULL,
	"schedule" text NOT NULL,
	"subject_kind" text NOT NULL,
	"subject_id" text NOT NULL,
	"subject_name" text NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"state" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"operation" text,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "scheduled_runs_state_known" CHECK (state in ('started', 'skipped', 'refused', 'missed'))
);
--> statement-breakpoint
CREATE TABLE "schedules" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"custom" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"organisation" text NOT NULL,
	"operation_type" text NOT NULL,
	"input" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"project" text,
	"release" text,
	"cluster" text,
	"server" text,
	"environment_kind" text,
	"environment" text,
	"where" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"cron" text,
	"every" text,
	"time_zone" text DEFAULT 'UTC' NOT NULL,
	"overlap" text DEFAULT 'skip' NOT NULL,
	"catch_up_minutes" integer NOT NULL,
	"paused" boolean DEFAULT false NOT NULL,
	"pause_note" text,
	"role" text,
	CONSTRAINT "schedules_name_valid" CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	CONSTRAINT "schedules_one_timing" CHECK ((cron is null) <> (every is null)),
	CONSTRAINT "schedules_catch_up_valid" CHECK (catch_up_minutes between 0 and 44640)
);
--> statement-breakpoint
ALTER TABLE "blackouts" ADD CONSTRAINT "blackouts_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blackouts" ADD CONSTRAINT "blackouts_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedule_entries" ADD CONSTRAINT "schedule_entries_schedule_schedules_id_fk" FOREIGN KEY ("schedule") REFERENCES "public"."schedules"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedule_entries" ADD CONSTRAINT "schedule_entries_last_operation_operations_id_fk" FOREIGN KEY ("last_operation") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "scheduled_runs" ADD CONSTRAINT "scheduled_runs_schedule_schedules_id_fk" FOREIGN KEY ("schedule") REFERENCES "public"."schedules"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "scheduled_runs" ADD CONSTRAINT "scheduled_runs_operation_operations_id_fk" FOREIGN KEY ("operation") REFERENCES "public"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_release_releases_id_fk" FOREIGN KEY ("release") REFERENCES "public"."releases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_server_servers_id_fk" FOREIGN KEY ("server") REFERENCES "public"."servers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_environment_environments_id_fk" FOREIGN KEY ("environment") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "blackouts_name" ON "blackouts" USING btree ("organisation","name") WHERE state <> 'deleted';--> statement-breakpoint
CREATE UNIQUE INDEX "schedule_entries_subject" ON "schedule_entries" USING btree ("schedule","subject_id");--> statement-breakpoint
CREATE INDEX "schedule_entries_of" ON "schedule_entries" USING btree ("subject_kind","subject_id");--> statement-breakpoint
CREATE INDEX "schedule_entries_next" ON "schedule_entries" USING btree ("next_at");--> statement-breakpoint
CREATE INDEX "schedule_entries_checked" ON "schedule_entries" USING btree ("checked_at");--> statement-breakpoint
CREATE UNIQUE INDEX "scheduled_runs_due" ON "scheduled_runs" USING btree ("entry","due_at");--> statement-breakpoint
CREATE INDEX "scheduled_runs_schedule" ON "scheduled_runs" USING btree ("schedule","id");--> statement-breakpoint
CREATE INDEX "scheduled_runs_subject" ON "scheduled_runs" USING btree ("subject_id","id");--> statement-breakpoint
CREATE INDEX "scheduled_runs_at" ON "scheduled_runs" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "schedules_name" ON "schedules" USING btree ("organisation","name") WHERE state <> 'deleted';