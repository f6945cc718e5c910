// The fields of an Environment about what it gets on a Kubernetes cluster.

import type { FieldSpec } from './fields.ts';

const group = 'Kubernetes';

export const podFields: FieldSpec[] = [
  {
    name: 'cluster_database',
    group,
    type: 'bool',
    label: 'Database in the cluster',
    help: 'A MariaDB of its own beside the site. Empty: when the application needs one, and no database server is chosen.',
  },
  { name: 'replicas', group, type: 'int', label: 'Pods', default: 1, help: 'That answer visitors at the same time.' },
  { name: 'cpu', group, type: 'float', label: 'Processors', default: 1, help: 'At most, of each pod.' },
  { name: 'memory_mb', group, type: 'int', label: 'Memory in MB', default: 512, help: 'At most, of each pod.' },
  {
    name: 'disk_gb',
    group,
    type: 'int',
    label: 'Volume in GB',
    default: 5,
    help: 'For its files, and as much again for a database in the cluster. It can grow where the storage class allows it.',
  },
];
