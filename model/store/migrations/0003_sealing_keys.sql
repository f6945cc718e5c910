CREATE TABLE "sealing_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"since" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone
);
