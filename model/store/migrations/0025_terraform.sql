CREATE TABLE "terraform_former_states" (
	"id" text PRIMARY KEY NOT NULL,
	"entity_kind" text NOT NULL,
	"entity_id" text NOT NULL,
	"task_type" text NOT NULL,
	"serial" bigint NOT NULL,
	"resources" integer NOT NULL,
	"organisation" text NOT NULL,
	"secret" text NOT NULL,
	"replaced_by" text NOT NULL,
	"replaced_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "terraform_plans" (
	"task" text PRIMARY KEY NOT NULL,
	"token" text NOT NULL,
	"secret" text NOT NULL,
	"made_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "terraform_states" (
	"entity_kind" text NOT NULL,
	"entity_id" text NOT NULL,
	"task_type" text NOT NULL,
	"serial" bigint NOT NULL,
	"resources" integer NOT NULL,
	"organisation" text NOT NULL,
	"secret" text,
	"made_by" text,
	"changed_by" text,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"held_by" text,
	"held_attempt" integer,
	"held_since" timestamp with time zone,
	CONSTRAINT "terraform_states_entity_kind_entity_id_task_type_pk" PRIMARY KEY("entity_kind","entity_id","task_type")
);
--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "planned" jsonb;--> statement-breakpoint
ALTER TABLE "terraform_former_states" ADD CONSTRAINT "terraform_former_states_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "terraform_former_states" ADD CONSTRAINT "terraform_former_states_secret_secrets_id_fk" FOREIGN KEY ("secret") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "terraform_plans" ADD CONSTRAINT "terraform_plans_task_tasks_id_fk" FOREIGN KEY ("task") REFERENCES "public"."tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "terraform_plans" ADD CONSTRAINT "terraform_plans_secret_secrets_id_fk" FOREIGN KEY ("secret") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "terraform_states" ADD CONSTRAINT "terraform_states_organisation_organisations_id_fk" FOREIGN KEY ("organisation") REFERENCES "public"."organisations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "terraform_states" ADD CONSTRAINT "terraform_states_secret_secrets_id_fk" FOREIGN KEY ("secret") REFERENCES "public"."secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "terraform_former_states_which" ON "terraform_former_states" USING btree ("entity_kind","entity_id","task_type","id");--> statement-breakpoint
CREATE INDEX "terraform_states_held" ON "terraform_states" USING btree ("held_by");