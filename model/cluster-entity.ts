// What a Cluster is, for the table in entities.ts: a group of Servers, or a Kubernetes cluster.

import { backupStoreField } from './backup-entities.ts';
import type { EntityDefinition } from './entities.ts';
import { managedStates, nameField, organisationField } from './entity-fields.ts';
import type { Problem } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import { authorityFields } from './https-fields.ts';
import { clusterRetentionFields } from './retention-fields.ts';

export const clusterKinds = ['servers', 'kubernetes'] as const;

const group = 'Kubernetes';
const images = 'Images';

/** Of what runs beside the sites, and of what sites are built on (docs/kubernetes.md says how they are made). */
const imageFields: FieldSpec[] = [
  {
    name: 'tools_image',
    group: images,
    type: 'str',
    label: 'Tools',
    format: 'image',
    help: 'For backups, pages of closed sites, and whatever Aegir does in a pod.',
  },
  { name: 'database_image', group: images, type: 'str', label: 'Database', format: 'image', help: 'MariaDB.' },
  { name: 'build_image', group: images, type: 'str', label: 'Builds', format: 'image', help: 'buildah and git.' },
  {
    name: 'web_image',
    group: images,
    type: 'str',
    label: 'Static sites',
    format: 'image',
    help: 'What a Project of static files without a Containerfile is built on.',
  },
  {
    name: 'php_image',
    group: images,
    type: 'str',
    label: 'PHP sites',
    format: 'image',
    help: 'What a Project in PHP without a Containerfile is built on.',
  },
  {
    name: 'registry',
    group: images,
    type: 'str',
    label: 'Registry',
    format: 'image',
    help: 'Where built images go, such as registry.example.org/sites.',
  },
  { name: 'registry_user', group: images, type: 'str', label: 'User of the registry' },
  { name: 'registry_password', group: images, type: 'str', label: 'Password of the registry', secret: true },
  {
    name: 'registry_plain',
    group: images,
    type: 'bool',
    label: 'Registry without TLS',
    help: 'Only for a registry in a network of your own.',
  },
];

/** Of a Cluster of the kind kubernetes only. */
const kubernetesFields: FieldSpec[] = [
  {
    name: 'connection',
    type: 'str',
    label: 'Connection',
    choices: ['kubeconfig', 'in_cluster'],
    group,
    help: 'in_cluster: the service account of the pod in which the worker runs.',
  },
  {
    name: 'kubeconfig',
    type: 'str',
    label: 'Kubeconfig',
    secret: true,
    format: 'text',
    group,
    help: 'Its text, with certificates and token inside; docs/kubernetes.md says how to make one with no more rights than needed.',
  },
  { name: 'context', type: 'str', label: 'Context', group, help: 'Of the kubeconfig. Empty: its current one.' },
  {
    name: 'namespace_prefix',
    type: 'str',
    label: 'Prefix of namespaces',
    group,
    help: 'The namespace of an Environment is called by it and the Environment. Empty: aegir-.',
  },
  {
    name: 'ingress_class',
    type: 'str',
    label: 'Ingress class',
    group,
    help: 'By which visitors come in. Empty: the default one of the cluster.',
  },
  {
    name: 'storage_class',
    type: 'str',
    label: 'Storage class',
    group,
    help: 'Of volumes. Empty: the default one of the cluster.',
  },
  {
    name: 'feedback_url',
    type: 'str',
    label: 'Address of Aegir for Jobs',
    group,
    help: 'As pods reach it, such as https://aegir.example.org. Empty: Jobs send no feedback.',
  },
  {
    name: 'certificate_issuer',
    type: 'str',
    label: 'ClusterIssuer of cert-manager',
    group,
    help: 'Who gives the certificates of sites with HTTPS “acme”, such as letsencrypt-production. Empty: Aegir gets them itself.',
  },
  {
    name: 'ingress_annotations',
    type: 'dict',
    label: 'Annotations of each Ingress',
    group,
    help: 'What the ingress controller is to be told beside the rules, such as its own redirect to HTTPS.',
  },
  ...imageFields,
];

export const cluster: EntityDefinition = {
  kind: 'cluster',
  plural: 'clusters',
  title: 'Cluster',
  titlePlural: 'Clusters',
  nameField: 'name',
  listed: ['kind'],
  states: managedStates,
  rules: {
    required_if: [
      ['kind', 'kubernetes', ['connection']],
      ['connection', 'kubeconfig', ['kubeconfig']],
    ],
  },
  check: checkCluster,
  fields: [
    nameField('Where Environments run.'),
    organisationField,
    { name: 'kind', type: 'str', label: 'Kind', required: true, choices: [...clusterKinds], default: 'servers' },
    backupStoreField('Of its Environments, unless they name one themselves.'),
    {
      name: 'drill_cluster',
      type: 'reference',
      to: 'cluster',
      label: 'Cluster for restore drills',
      help: 'Where “Prove” restores backups of its Environments for a look. Empty: here.',
    },
    ...kubernetesFields,
    ...clusterRetentionFields,
    ...authorityFields,
  ],
  resultFields: [
    {
      name: 'facts',
      type: 'dict',
      label: 'Facts',
      help: 'Version, nodes, storage and ingress classes, what is missing.',
    },
  ],
  derivedFields: [{ name: 'web_addresses', type: 'list', elements: 'str', label: 'Addresses of its web Servers' }],
};

export const defaultNamespacePrefix = 'aegir-';

/** Of a namespace's name: a label of the domain name system. */
export const longestNamespace = 63;
/** The Environment's short name takes the rest. */
const longestPrefix = 20;

function checkCluster(values: Record<string, unknown>): Problem[] {
  const given = (name: string) => ![undefined, null, '', false].includes(values[name] as string);
  const problems: Problem[] = [];
  if (values.kind !== 'kubernetes') {
    const message = 'belongs to a Cluster of the kind kubernetes: leave it empty.';
    return kubernetesFields.filter(({ name }) => given(name)).map(({ name }) => ({ path: name, message }));
  }
  if (values.connection === 'in_cluster' && (given('kubeconfig') || given('context')))
    problems.push({
      path: 'kubeconfig',
      message: 'is not used with the connection in_cluster: empty it and the context.',
    });
  const prefix = String(values.namespace_prefix ?? '');
  if (prefix && (!/^[a-z0-9]([a-z0-9-]*)$/.test(prefix) || prefix.length > longestPrefix))
    problems.push({
      path: 'namespace_prefix',
      message: `may have a-z, 0-9 and “-”, does not begin with “-”, and is not longer than ${longestPrefix}.`,
    });
  const url = String(values.feedback_url ?? '');
  if (url && !/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._/-]*)?$/.test(url))
    problems.push({
      path: 'feedback_url',
      message: 'is no address such as https://aegir.example.org, without a user.',
    });
  return problems;
}
