ALTER TABLE "environment_names" DROP CONSTRAINT "environment_names_valid";--> statement-breakpoint
ALTER TABLE "environment_names" ADD COLUMN "operation" text;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "redirect_names" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "environment_names" ADD CONSTRAINT "environment_names_valid" CHECK (length(name) <= 253 and name ~ '^([*][.])?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$');