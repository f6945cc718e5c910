// Terraform files beside the arguments and outputs of their Task type.

import { relative } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parseHcl } from './hcl.ts';
import { readCatalogue } from './read-catalogue.ts';
import { makeTypeFolders, type TypeFolders } from './testing/type-folders.ts';

const made: TypeFolders[] = [];
afterEach(async () => {
  for (const folders of made.splice(0)) await folders[Symbol.asyncDispose]();
});

const specs = `argument_specs:
  main:
    short_description: Make a bucket
    options:
      bucket: {type: str, description: Name, required: true}
      password: {type: str, description: Secret, no_log: true}
      size: {type: int, description: GiB, default: 1}
`;
const meta = `target: worker
outputs:
  address: {type: str, help: Where it is}
undo: destroy
`;
const variables = `variable "bucket" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = null
}
variable "size" { type = number }
`;
const main = `# A comment with a { brace
terraform {
  required_providers {
    local = { source = "hashicorp/local", version = "~> 2.5" }
  }
}
resource "terraform_data" "bucket" {
  input = "\${var.bucket}-\${format("%d}", var.size)}" // "
  triggers_replace = [
    <<-EOT
      backend "here" { is text }
    EOT
    , var.password,
  ]
  lifecycle { create_before_destroy = true }
}
module "inner" { source = "./modules/inner" }
output "address" { value = terraform_data.bucket.id }
`;
const good: Record<string, string | null> = {
  'roles/make_bucket/meta/argument_specs.yml': specs,
  'roles/make_bucket/meta/aegir.yml': meta,
  'roles/make_bucket/terraform/main.tf': main,
  'roles/make_bucket/terraform/variables.tf': variables,
  'roles/make_bucket/terraform/modules/inner/main.tf': 'variable "any" { default = 1 }\n',
};
const at = (file: string) => `roles/make_bucket/${file}`;

async function read(files: Record<string, string | null>) {
  const folders = await makeTypeFolders({ ...good, ...files });
  made.push(folders);
  const catalogue = await readCatalogue(folders.paths);
  const problems = catalogue.problems.map(
    ({ file, line, message }) =>
      `${relative(folders.root, file).replace('roles/make_bucket/', '')}:${line}: ${message}`,
  );
  return { type: catalogue.taskTypes.get('make_bucket'), problems };
}

test('a folder with terraform/*.tf is a Task type, with the output “made” and an undo that depends on it', async () => {
  const { type, problems } = await read({});
  expect(problems).toEqual([]);
  expect(type).toMatchObject({ backends: ['terraform'], preview: true, undo: 'destroy', undoWhen: 'made' });
  expect(type?.outputs.map(({ name }) => name)).toEqual(['address', 'made']);
});

const mistakes: [what: string, files: Record<string, string | null>, expected: RegExp][] = [
  [
    'a backend of its own',
    { [at('terraform/main.tf')]: `terraform {\n  backend "s3" {\n  }\n}\n${main}` },
    /^terraform\/main.tf:2: "backend": Aegir keeps the state, sealed/,
  ],
  ['a cloud', { [at('terraform/x.tf')]: 'terraform {\n  cloud {}\n}\n' }, /^terraform\/x.tf:2: "cloud": Aegir keeps/],
  [
    'a provisioner',
    {
      [at('terraform/x.tf')]:
        'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "id"\n  }\n}\n',
    },
    /^terraform\/x.tf:2: A provisioner \(local-exec\) runs a program of which the plan says nothing/,
  ],
  [
    'a provisioner within a module',
    { [at('terraform/modules/inner/main.tf')]: 'resource "a" "b" {\n\n  provisioner "remote-exec" {}\n}\n' },
    /^terraform\/modules\/inner\/main.tf:3: A provisioner \(remote-exec\)/,
  ],
  [
    'a module from elsewhere',
    { [at('terraform/x.tf')]: 'module "far" {\n  source = "git::https://example.org/x.git"\n}\n' },
    /^terraform\/x.tf:2: The module "far" comes from elsewhere \("git::/,
  ],
  [
    'a module above the folder',
    { [at('terraform/x.tf')]: 'module "up" {\n  source = "./../../other"\n}\n' },
    /^terraform\/x.tf:2: The module "up" comes from elsewhere/,
  ],
  [
    'an argument without a variable',
    { [at('terraform/variables.tf')]: variables.replace('variable "size" { type = number }\n', '') },
    /^meta\/argument_specs.yml:1: The argument "size" has no variable "size" in terraform\/\*.tf/,
  ],
  [
    'a variable without an argument',
    { [at('terraform/x.tf')]: '\nvariable "sizes" {}\n' },
    /^terraform\/x.tf:2: The variable "sizes" is no argument of this Task type. Did you mean "size"/,
  ],
  [
    'a secret that is not sensitive',
    { [at('terraform/variables.tf')]: variables.replace('  sensitive = true\n', '') },
    /^terraform\/variables.tf:2: The argument "password" is secret: the variable needs "sensitive = true"/,
  ],
  [
    'an optional argument without a default',
    { [at('terraform/variables.tf')]: variables.replace('  default   = null\n', '') },
    /^terraform\/variables.tf:2: The argument "password" may be left out: the variable needs a "default"/,
  ],
  [
    'another type',
    { [at('terraform/variables.tf')]: variables.replace('number', 'list(string)') },
    /^terraform\/variables.tf:7: The variable "size" is a list \( string \), but the argument gives a int: write number/,
  ],
  [
    'a name of Terraform',
    { [at('meta/argument_specs.yml')]: `${specs}      count: {type: int, description: How many, default: 1}\n` },
    /"count": Terraform has no variable of this name/,
  ],
  [
    'an output that is not there',
    { [at('terraform/main.tf')]: main.replace('output "address"', 'output "addres"') },
    /^meta\/aegir.yml:1: outputs.address: there is no output "address"/,
  ],
  [
    'a sensitive output',
    {
      [at('terraform/main.tf')]: main.replace(
        '{ value = terraform_data.bucket.id }',
        '{\n  value = 1\n  sensitive = true\n}',
      ),
    },
    /^terraform\/main.tf:18: The output "address" is sensitive, and outputs are kept and shown in clear/,
  ],
  [
    'the context in clear',
    { [at('terraform/x.tf')]: 'variable "aegir" {}\n' },
    /^terraform\/x.tf:1: The variable "aegir" may hold secret custom fields/,
  ],
  [
    'values in a file',
    { [at('terraform/terraform.tfvars')]: '' },
    /terraform.tfvars:1: gives values beside the arguments/,
  ],
  ['a state', { [at('terraform/terraform.tfstate')]: '{}' }, /terraform.tfstate:1: is what Terraform has left behind/],
  ['an override', { [at('terraform/main_override.tf')]: '' }, /main_override.tf:1: is an override/],
  ['JSON', { [at('terraform/x.tf.json')]: '{}' }, /x.tf.json:1: is of a form that is not read here/],
  ['a block without an end', { [at('terraform/x.tf')]: 'variable "a" {\n' }, /x.tf:1: ends in the middle of a block/],
  [
    'a text without an end',
    { [at('terraform/x.tf')]: '\nlocals {\n a = "b\n}\n' },
    /x.tf:3: has a text without an end/,
  ],
  ['a Server', { [at('meta/aegir.yml')]: meta.replace('worker', 'server') }, /target: Terraform runs on the worker/],
  ['reading only', { [at('meta/aegir.yml')]: `${meta}changes: false\n` }, /changes: Terraform makes what is not there/],
  ['no preview', { [at('meta/aegir.yml')]: `${meta}preview: false\n` }, /preview: cannot be false/],
  [
    'an output of ours',
    { [at('meta/aegir.yml')]: meta.replace('address:', 'made:') },
    /outputs.made: is given by every Task type of this backend/,
  ],
  [
    'a condition beside destroy',
    { [at('meta/aegir.yml')]: `${meta}undo_when: address\n` },
    /undo_when: has no meaning beside "destroy"/,
  ],
  [
    'destroy without Terraform',
    { [at('terraform/main.tf')]: null, [at('terraform/variables.tf')]: null, [at('tasks/main.yml')]: '[]\n' },
    /undo: "destroy" is for the backends terraform only/,
  ],
  [
    'a step that destroys what keeps no state',
    {
      'roles/do_it/meta/argument_specs.yml': 'argument_specs: {main: {short_description: Do it}}\n',
      'roles/do_it/meta/aegir.yml': 'target: worker\n',
      'roles/do_it/tasks/main.yml': '[]\n',
      'operations/try.yml': 'title: T\ndescription: T.\non: project\nsteps:\n  - {id: a, task: do_it, destroy: true}\n',
    },
    /steps.0.destroy: "do_it" keeps no state: only terraform can destroy/,
  ],
];

test.each(mistakes)('%s is a mistake, by file and line', async (_what, files, expected) => {
  const { problems } = await read(files);
  expect(problems).toContainEqual(expect.stringMatching(expected));
});

test('expressions end where they end, whatever stands in them', () => {
  const parsed = parseHcl(`a = 1 # x
b = { c = "}" /* } */, d = [
  "\${"{"}", # {
] }
e "f" g { h = 1 }
i = <<EOT
} not the end EOT
EOT
j = "$\${not a template" 
`);
  expect('blocks' in parsed && parsed.blocks).toMatchObject([{ type: 'e', labels: ['f', 'g'], line: 5 }]);
});
