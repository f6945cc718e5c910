// Whether this machine has Terraform, or OpenTofu, for the tests that need one, and what they carry out.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why these tests are skipped; '' = they are not. */
export function noTerraform(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = ['terraform', 'tofu'].some(name => folders.some(folder => isProgram(join(folder, name))));
  return found ? '' : 'there is neither terraform nor tofu on PATH';
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The last two things take about a second each: a costly hash of what is known only when the one before is there. */
export const noteModule = `
variable "word" {
  type = string
}
variable "password" {
  type      = string
  sensitive = true
}
variable "things" {
  type    = number
  default = 0
}
resource "terraform_data" "note" {
  input = var.word
}
resource "terraform_data" "account" {
  input = "account with \${var.password}"
}
resource "terraform_data" "a" {
  count = var.things
  input = terraform_data.note.id
}
resource "terraform_data" "b" {
  count = var.things
  input = bcrypt(terraform_data.a[0].id, 14)
  lifecycle {
    # A hash differs each time.
    ignore_changes = [input]
  }
}
resource "terraform_data" "c" {
  count = var.things
  input = bcrypt(terraform_data.b[0].id, 14)
  lifecycle {
    ignore_changes = [input]
  }
}
output "word" {
  value = terraform_data.note.output
}
output "id" {
  value = terraform_data.note.id
}
output "account" {
  value     = terraform_data.account.output
  sensitive = true
}
`;
