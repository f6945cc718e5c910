// What the API answers of the states of Terraform: never what is in them.

export interface TerraformStateView {
  taskType: string;
  /** How many things Terraform manages. */
  resources: number;
  serial: number;
  changedAt: string;
  /** Who works on it, in words; '' = nobody. */
  heldBy: string;
  /** The latest first. */
  former: FormerStateView[];
}

export interface FormerStateView {
  id: string;
  resources: number;
  serial: number;
  /** When another one took its place. */
  replacedAt: string;
}
