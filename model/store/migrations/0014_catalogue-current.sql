CREATE TABLE "catalogue_current" (
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"version" text NOT NULL,
	CONSTRAINT "catalogue_current_kind_name_pk" PRIMARY KEY("kind","name")
);
--> statement-breakpoint
ALTER TABLE "catalogue_current" ADD CONSTRAINT "catalogue_current_version_catalogue_versions_version_fk" FOREIGN KEY ("version") REFERENCES "public"."catalogue_versions"("version") ON DELETE no action ON UPDATE no action;