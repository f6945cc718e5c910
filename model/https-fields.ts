// The fields about HTTPS: which authority a Cluster's certificates come from, and what an Environment does with them.

import type { FieldSpec } from './fields.ts';

/** Of a Cluster. */
export const authorityFields: FieldSpec[] = [
  {
    name: 'acme_directory',
    group: 'Certificates',
    type: 'str',
    label: 'ACME directory',
    format: 'https_url',
    help: 'Address of the authority that gives certificates. Empty: the public one that certbot itself asks.',
  },
  {
    name: 'acme_contact',
    group: 'Certificates',
    type: 'str',
    label: 'Mail address for the authority',
    format: 'mail_address',
    help: 'Where it writes when something is wrong with certificates. Empty: it is not told any.',
  },
  {
    name: 'acme_ca',
    group: 'Certificates',
    type: 'str',
    label: 'Who vouches for the directory',
    format: 'text',
    help: 'Certificate in PEM format, for a directory of your own or for tests. Empty: what the Server itself trusts.',
  },
];

/** Of an Environment. */
export const httpsFields: FieldSpec[] = [
  {
    name: 'https',
    group: 'HTTPS',
    type: 'str',
    label: 'HTTPS',
    choices: ['off', 'acme', 'uploaded'],
    default: 'off',
    help: 'acme: certificates are got by themselves, under the terms of the authority. “Names and HTTPS” makes a change take effect.',
  },
  {
    name: 'https_redirect',
    group: 'HTTPS',
    type: 'bool',
    label: 'HTTP leads to HTTPS',
    default: true,
    help: 'For names that have a certificate.',
  },
  {
    name: 'hsts_days',
    group: 'HTTPS',
    type: 'int',
    label: 'Days for which browsers insist on HTTPS',
    default: 0,
    help: 'Strict-Transport-Security. 0: they do not. Browsers keep this promise even when HTTPS is gone: begin with a day.',
  },
  {
    name: 'https_certificate',
    group: 'HTTPS',
    type: 'str',
    label: 'Uploaded certificate',
    format: 'text',
    help: 'In PEM format: the site’s own first, then those between it and its authority.',
  },
  {
    name: 'https_key',
    group: 'HTTPS',
    type: 'str',
    label: 'Private key of the uploaded certificate',
    secret: true,
    format: 'text',
    help: 'In PEM format, without a passphrase.',
  },
];
