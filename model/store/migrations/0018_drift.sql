CREATE TABLE "differences" (
	"id" text PRIMARY KEY NOT NULL,
	"organisation" text NOT NULL,
	"entity_kind" text NOT NULL,
	"entity_id" text NOT NULL,
	"step" text NOT NULL,
	"task_type" text NOT NULL,
	"title" text NOT NULL,
	"task" text NOT NULL,
	"resource" text NOT NULL,
	"text" text NOT NULL,
	"left_out" integer NOT NULL,
	"content" text NOT NULL,
	"first_seen" timestamp with time zone DEFAULT now() NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen" timestamp with time zone DEFAULT now() NOT NULL,
	"operation" text NOT NULL,
	"accepted_by" text,
	"accepted_at" timestamp with time zone,
	"accepted_reason" text,
	"accepted_content" text
);
--> statement-breakpoint
CREATE TABLE "drift_checks" (
	"entity_kind" text NOT NULL,
	"entity_id" text NOT NULL,
	"organisation" text NOT NULL,
	"operation" text,
	"checked_at" timestamp with time zone,
	"not_compared" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"open" integer DEFAULT 0 NOT NULL,
	"accepted" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "drift_checks_entity_kind_entity_id_pk" PRIMARY KEY("entity_kind","entity_id")
);
--> statement-breakpoint
ALTER TABLE "differences" ADD CONSTRAINT "differences_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "drift_checks" ADD CONSTRAINT "drift_checks_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "differences_same" ON "differences" USING btree ("entity_kind","entity_id","step","task","resource");--> statement-breakpoint
CREATE INDEX "differences_organisation" ON "differences" USING btree ("organisation","id");--> statement-breakpoint
CREATE INDEX "drift_checks_open" ON "drift_checks" USING btree ("entity_kind","entity_id") WHERE open > 0;