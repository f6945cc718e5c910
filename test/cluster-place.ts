// An Environment on a test cluster with a volume, a MariaDB of its own and a pod to work in by hand: Task types that make it, and
// ways to look at it.

import type { TypeFolder } from './task-types.ts';
import type { TestCluster } from './test-cluster.ts';

const pod = `automountServiceAccountToken: false
      terminationGracePeriodSeconds: 0`;
const own =
  'securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}';
const userOf = (id: number) =>
  `securityContext: {runAsNonRoot: true, runAsUser: ${id}, runAsGroup: ${id}, fsGroup: ${id}, seccompProfile: {type: RuntimeDefault}}`;

const manifests = (images: { tools: string; mariadb: string }) => `apiVersion: v1
kind: Namespace
metadata: {name: $aegir.namespace, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Secret
metadata: {name: account}
stringData: {MARIADB_PASSWORD: $database_password, MARIADB_ROOT_PASSWORD: $database_password}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: database}
spec:
  serviceName: database
  selector: {matchLabels: {app: database}}
  template:
    metadata: {labels: {app: database}}
    spec:
      ${pod}
      ${userOf(999)}
      containers:
        - name: mariadb
          image: ${images.mariadb}
          env: [{name: MARIADB_DATABASE, value: site}, {name: MARIADB_USER, value: site}]
          envFrom: [{secretRef: {name: account}}]
          readinessProbe:
            exec: {command: [bash, -c, 'MYSQL_PWD=$MARIADB_PASSWORD mariadb -h127.0.0.1 -usite -e "select 1" site']}
            periodSeconds: 1
            timeoutSeconds: 5
          ${own}
          volumeMounts: [{name: data, mountPath: /var/lib/mysql}, {name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {}}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: database}
spec: {selector: {app: database}, ports: [{port: 3306}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: hands}
spec:
  selector: {matchLabels: {app: hands}}
  template:
    metadata: {labels: {app: hands, aegir.dev/volume: files}}
    spec:
      ${pod}
      ${userOf(1000)}
      containers:
        - name: hands
          image: ${images.tools}
          command: [sleep, infinity]
          envFrom: [{secretRef: {name: account}}]
          ${own}
          volumeMounts: [{name: site, mountPath: /srv/site}, {name: tmp, mountPath: /tmp}]
      volumes: [{name: site, persistentVolumeClaim: {claimName: files}}, {name: tmp, emptyDir: {}}]
---
apiVersion: aegir.dev/v1
kind: Outputs
outputs:
  path: /srv/site
  hash: ${'a'.repeat(40)}
  image: ${images.tools}
  database: {name: site, user: site, host: database, port: 3306}
`;

/** The Operation type `make_place` on Environments. */
export function addPlaceType(types: TypeFolder, images: { tools: string; mariadb: string }): void {
  const meta = `arguments: {database_password: {from: environment.database_password, ask: false}}
outputs:
  path: {type: path, sets: environment.path, help: Its folder}
  hash: {type: str, sets: environment.deployed_hash, help: What it runs}
  image: {type: str, sets: environment.image, help: Of its pods}
  database: {type: dict, sets: environment.database, help: Its database}
`;
  const options = 'database_password: {type: str, description: A secret, required: true, no_log: true}';
  types.clusterTask('make_place', { 'a.yml': manifests(images) }, { meta, options });
  types.operation('make_place', 'environment', '[{id: make, task: make_place}]', 'states: {succeeded: enabled}\n');
}

export interface Hands {
  /** What it prints. */
  sh(command: string): Promise<string>;
  sql(text: string): Promise<string>;
}

export function handsIn(cluster: TestCluster, namespace: string): Hands {
  const sh = (...command: string[]) =>
    cluster.kubectl(['--namespace', namespace, 'exec', 'deploy/hands', '--', 'bash', '-euc', ...command]);
  return {
    sh,
    sql: text => sh('MYSQL_PWD=$MARIADB_PASSWORD mariadb --batch -N -hdatabase -usite site -e "$0"', text),
  };
}
