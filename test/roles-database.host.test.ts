// A database Server and the databases of Environments, by the roles alone, on two real Debian hosts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseHosts, startDatabaseHosts } from './database-host.ts';
import { playRole, words } from './play-role.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const reason = canRunHosts();
const password = 'k3'.repeat(24);

/** Asks by PHP as sites do, with the authority as the only one that is trusted. */
const askByPhp = (host: string) => `php -d openssl.cafile=/root/ca.pem -r '
  mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
  $link = mysqli_init();
  $link->ssl_set(null, null, "/root/ca.pem", null, null);
  $link->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, true);
  $link->real_connect("${host}", "aegir_shop_one", "${password}", "aegir_shop_one", 3306, null, MYSQLI_CLIENT_SSL);
  echo $link->query("SHOW STATUS LIKE \\"Ssl_version\\"")->fetch_row()[1];'`;

describe.skipIf(reason !== null)(`a database Server${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let hosts: DatabaseHosts;
  let third: TestHost;
  let shop: Record<string, unknown>;

  beforeAll(async () => {
    third = await startTestHost('third');
    hosts = await startDatabaseHosts('db', false);
    shop = {
      ...{ environment_name: 'shop-one', environment_id: '01SHOP', database_password: password },
      ...{ client_address: hosts.web.address, host: hosts.database.address, ca: hosts.ca },
    };
  }, 600_000);

  afterAll(async () => {
    await hosts?.stop();
    await third?.stop();
  });

  const prepare = (values: Record<string, unknown> = {}, options = {}) =>
    hosts.play('prepare_database_server', { ...hosts.prepared, ...values }, { facts: true, ...options });
  const create = (values: Record<string, unknown> = {}, options = {}) =>
    hosts.play('create_database', { ...shop, ...values }, options);
  const refused = async (role: string, values: Record<string, unknown>, host = hosts.database) =>
    words(await playRole(role, values, { host }));
  const grants = () => hosts.ask(`SHOW GRANTS FOR 'aegir_shop_one'@'${hosts.web.address}';`);
  const pid = async () => (await hosts.database.exec('systemctl show --property MainPID --value mariadb')).stdout;
  const knock = (host: TestHost) => host.exec(`timeout 5 bash -c 'exec 3<>/dev/tcp/${hosts.database.address}/3306'`);

  test('listens on the network, for the web Servers of its Cluster only', async () => {
    expect((await knock(hosts.web)).code).toBe(0);
    const outside = await knock(third);
    expect(outside.stderr).toContain('Connection refused');
    const keys = await hosts.database.exec('cd /etc/mysql/aegir && stat -c "%a %U:%G %n" *');
    expect(keys.stdout.split('\n')).toEqual([
      '600 root:root ca-key.pem',
      '644 root:root ca.pem',
      '644 root:root server-cert.pem',
      '640 root:mysql server-key.pem',
    ]);
  });

  test('a second run and a dry run change nothing, and MariaDB is not restarted', async () => {
    const before = await pid();
    expect((await prepare({}, { check: true })).changed).toBe(0);
    const again = await prepare();
    expect([again.changed, again.outputs.ca]).toEqual([0, hosts.ca]);
    expect(await pid()).toBe(before);
  });

  test('a Server that offers no databases is left alone', async () => {
    const none = await playRole('prepare_database_server', { database: false }, { host: third, facts: true });
    expect([none.code, none.changed, none.outputs]).toEqual([0, 0, {}]);
  });

  test('a database with its account: a dry run makes neither, the second run changes nothing', async () => {
    const dry = await create({}, { check: true });
    expect(dry.changed).toBe(1);
    expect(dry.output).toContain('+database aegir_shop_one');
    expect(await hosts.ask("SHOW DATABASES LIKE 'aegir%';")).toEqual(['']);
    const made = await create();
    expect(made.outputs.database).toEqual({
      ...{ name: 'aegir_shop_one', user: 'aegir_shop_one', host: hosts.database.address, port: 3306, ca: hosts.ca },
    });
    expect(made.output).not.toContain(password);
    expect((await create()).changed).toBe(0);
  });

  test('the web Server connects over TLS and verifies it, by MariaDB’s client and by PHP; without TLS nobody does', async () => {
    expect((await hosts.connect('aegir_shop_one', password, 'SELECT 42;')).stdout).toBe('42');
    expect((await hosts.web.exec(askByPhp(hosts.database.address))).stdout).toMatch(/^TLSv1\.[23]$/);
    const plain = await hosts.connect('aegir_shop_one', password, 'SELECT 42;', '--skip-ssl');
    expect(plain.stderr).toContain('Access denied');
    await hosts.web.exec('cp /etc/ssl/certs/ISRG_Root_X1.pem /root/other.pem');
    const stranger = await hosts.connect('aegir_shop_one', password, 'SELECT 42;', '--ssl-ca=/root/other.pem');
    expect(stranger.stderr).toContain('certificate');
  });

  test('an account has exactly the grants of its site, and none for a name that only looks like its own', async () => {
    expect(await grants()).toEqual([
      expect.stringMatching(/^GRANT USAGE ON \*\.\* TO .* REQUIRE SSL WITH MAX_USER_CONNECTIONS 50$/),
      'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, ' +
        `CREATE VIEW, SHOW VIEW, TRIGGER ON \`aegir\\_shop\\_one\`.* TO \`aegir_shop_one\`@\`${hosts.web.address}\``,
    ]);
    const neighbour = { environment_name: 'shopxone', environment_id: '01X', database_password: 'x1'.repeat(24) };
    await create(neighbour);
    const seen = await hosts.connect('aegir_shop_one', password, 'SHOW DATABASES;');
    expect(seen.stdout.split('\n')).toEqual(['aegir_shop_one', 'information_schema']);
    expect(
      (await hosts.connect('aegir_shop_one', password, 'CREATE TABLE aegir_shopxone.t (a INT);')).stderr,
    ).toContain('denied');
    expect((await hosts.connect('aegir_shop_one', password, 'CREATE TABLE aegir_shop_one.t (a INT);')).code).toBe(0);
  });

  test('a new password, a grant too many and a web Server of before are put right, and the data stays', async () => {
    const renewed = 'z9'.repeat(24);
    expect((await create({ database_password: renewed })).changed).toBe(1);
    expect((await hosts.connect('aegir_shop_one', password, 'SELECT 1;')).stderr).toContain('Access denied');
    await hosts.ask(`GRANT SELECT ON mysql.* TO 'aegir_shop_one'@'${hosts.web.address}';`);
    await hosts.ask("CREATE USER 'aegir_shop_one'@'192.0.2.9' IDENTIFIED BY 'left over';");
    expect((await create()).changed).toBe(1);
    expect(await grants()).toHaveLength(2);
    const from = await hosts.ask("SELECT Host FROM mysql.global_priv WHERE User = 'aegir_shop_one';");
    expect(from).toEqual([hosts.web.address]);
    expect((await hosts.connect('aegir_shop_one', password, 'SHOW TABLES FROM aegir_shop_one;')).stdout).toBe('t');
  });

  test('a long name is cut and told apart', async () => {
    const long = `${'a'.repeat(60)}-1`;
    const { outputs } = await create({ environment_name: long });
    const { name } = outputs.database as { name: string };
    expect(name).toMatch(/^aegir_a{49}_[0-9a-f]{8}$/);
    expect((await create({ environment_name: long })).changed).toBe(0);
    await hosts.play('remove_database', {
      environment_name: long,
      environment_id: '01SHOP',
      database: outputs.database,
    });
    expect(await hosts.ask(`SHOW DATABASES LIKE '${name}';`)).toEqual(['']);
  });

  test('a name that is taken is refused, and says by whom', async () => {
    await hosts.ask('CREATE DATABASE aegir_blog;');
    expect(await refused('create_database', { ...shop, environment_name: 'blog' })).toContain(
      'There is a database aegir_blog on this Server already',
    );
    expect(await refused('create_database', { ...shop, environment_id: '02OTHER' })).toContain(
      'that of shop-one 01SHOP',
    );
    const kept = { environment_name: 'blog', environment_id: '01BLOG' };
    expect((await hosts.play('remove_database', kept)).changed).toBe(0);
    expect(await hosts.ask("SHOW DATABASES LIKE 'aegir_blog';")).toEqual(['aegir_blog']);
  });

  test('what is missing is said in words: no MariaDB, it does not run, a web Server that may not connect', async () => {
    expect(await refused('create_database', shop, third)).toContain('MariaDB is not installed on the database Server');
    expect(await refused('create_database', { ...shop, client_address: third.address })).toContain(
      `does not let ${third.address} in: run “Prepare” on the database Server`,
    );
    expect(await refused('create_database', { ...shop, client_address: 'nowhere.invalid' })).toContain(
      "does not know the web Server's address nowhere.invalid",
    );
    await hosts.database.exec('systemctl stop mariadb');
    expect(await refused('create_database', shop)).toContain('MariaDB does not run on the database Server');
    expect(await refused('remove_database', { environment_name: 'shop-one' })).toContain(
      'so the database cannot be removed',
    );
    await hosts.database.exec('systemctl start mariadb');
  });

  test('an override of its configuration that MariaDB refuses is taken back, before or after the restart', async () => {
    const attempt = async (line: string) => {
      const templates = { 'mariadb.cnf.j2': `[mariadbd]\n${line}\n` };
      return words(
        await playRole('prepare_database_server', hosts.prepared, { host: hosts.database, facts: true, templates }),
      );
    };
    const before = await pid();
    expect(await attempt('no_such_setting = 1')).toContain("unknown variable 'no_such_setting=1'");
    expect(await pid()).toBe(before);
    expect(await attempt('innodb_data_home_dir = /nowhere')).toContain('the former configuration is back');
    expect((await hosts.connect('aegir_shop_one', password, 'SELECT 1;')).stdout).toBe('1');
    expect((await hosts.database.exec('ls /etc/mysql/mariadb.conf.d | grep -c aegir')).stdout).toBe('1');
    expect((await prepare()).changed).toBe(0);
  });

  test('a further web Server and a new address take effect without a restart; keys and authority stay', async () => {
    const before = await pid();
    const key = async () => (await hosts.database.exec('sha256sum /etc/mysql/aegir/*-key.pem')).stdout;
    const keys = await key();
    const wider = await prepare({ web_addresses: [hosts.web.address, third.address], internal_address: 'db.internal' });
    expect(wider.changed).toBeGreaterThan(0);
    expect((await knock(third)).code).toBe(0);
    await hosts.web.exec(`echo '${hosts.database.address} db.internal' >>/etc/hosts`);
    const named = await hosts.web.exec(askByPhp('db.internal'));
    expect(named.stdout).toMatch(/^TLSv1/);
    expect([await pid(), await key(), wider.outputs.ca]).toEqual([before, keys, hosts.ca]);
    await prepare();
    expect((await knock(third)).stderr).toContain('Connection refused');
  });

  test('pods come from the networks of “Further clients”, and from nowhere else', async () => {
    const pods = { cluster_kind: 'kubernetes', environment_name: 'pod', environment_id: '01POD' };
    const clients = () => hosts.ask("SELECT Host FROM mysql.global_priv WHERE User = 'aegir_pod';");
    const database_clients = [`${third.address}/31`, '2001:db8::/32'];
    expect(await refused('create_database', { ...shop, ...pods })).toContain(
      'enter the networks of the cluster’s nodes',
    );
    expect(await refused('create_database', { ...shop, ...pods, database_clients })).toContain(
      `does not let ${database_clients.join(', ')} in: run “Prepare”`,
    );
    const verify = async () => {
      const values = { web: false, database: true, database_clients };
      return (await hosts.play('verify_server', values, { facts: true })).outputs.facts;
    };
    expect(await verify()).toMatchObject({
      missing: database_clients.map(network =>
        expect.stringContaining(`${network}, of “Further clients”, cannot reach`),
      ),
    });
    const wrong = { ...hosts.prepared, database_clients: ['10.0.0.0/8', 'everybody'] };
    expect(words(await playRole('prepare_database_server', wrong, { host: hosts.database, facts: true }))).toContain(
      'must be addresses or networks such as 10.0.0.0/8, and not everybody.',
    );
    await prepare({ database_clients });
    expect(await verify()).toMatchObject({ missing: [] });
    const { outputs } = await create({ ...pods, database_clients });
    expect(outputs.database).toMatchObject({ name: 'aegir_pod', host: hosts.database.address, ca: hosts.ca });
    expect(await clients()).toEqual(['%']);
    expect((await create({ ...pods, database_clients })).changed).toBe(0);
    expect((await knock(third)).code).toBe(0);
    // The site moves to a Server.
    await create({ ...pods, cluster_kind: 'servers' });
    expect(await clients()).toEqual([hosts.web.address]);
    await hosts.play('remove_database', { environment_name: 'pod', environment_id: '01POD' });
    await prepare();
    expect((await knock(third)).stderr).toContain('Connection refused');
  });

  test('rules of others stay, and ours come back after the distribution’s own service has emptied all tables', async () => {
    await hosts.database.exec('systemctl start nftables && systemctl restart nftables');
    expect((await knock(third)).stderr).toContain('Connection refused');
    await hosts.database.exec('systemctl disable --now nftables && nft add table inet own');
    expect((await knock(third)).code).toBe(0);
    expect((await prepare()).changed).toBe(1);
    expect((await knock(third)).stderr).toContain('Connection refused');
    const tables = await hosts.database.exec('nft list tables');
    expect(tables.stdout.split('\n').sort()).toEqual(['table inet aegir_database', 'table inet own']);
  });

  test('verifying names what keeps sites from their databases', async () => {
    const verify = async (web_addresses: string[]) => {
      const values = { web: false, database: true, web_addresses };
      return (await hosts.play('verify_server', values, { facts: true })).outputs.facts;
    };
    const fine = await verify([hosts.web.address, hosts.database.address]);
    expect(fine).toMatchObject({ missing: [], services: { mariadb: expect.stringMatching(/^10\.11/) } });
    expect(await verify([third.address])).toMatchObject({
      missing: [expect.stringContaining(`${third.address}, a web Server of this Cluster, cannot reach the databases`)],
    });
    await hosts.database.exec('systemctl stop mariadb');
    expect(await verify([])).toMatchObject({ missing: [expect.stringContaining('installed but does not run')] });
    await hosts.database.exec('systemctl start mariadb');
  });

  test('anonymous accounts and the empty database "test" are removed', async () => {
    await hosts.ask("CREATE USER ''@'%'; CREATE DATABASE test; GRANT ALL ON test.* TO ''@'%';");
    expect((await prepare()).changed).toBe(1);
    expect(await hosts.ask("SELECT User FROM mysql.global_priv WHERE User = ''; SHOW DATABASES LIKE 'test';")).toEqual([
      '',
    ]);
  });

  test('removing leaves neither database nor account, is harmless when repeated, and takes no other name', async () => {
    const mine = { environment_name: 'shop-one', environment_id: '01SHOP' };
    const odd = { ...mine, database: { name: 'mysql' } };
    expect(await refused('remove_database', odd)).toContain('"mysql" is no name of an Environment');
    const dry = await hosts.play('remove_database', mine, { check: true });
    expect(dry.output).toContain('-database aegir_shop_one');
    const gone = await hosts.play('remove_database', mine);
    expect([gone.changed, gone.outputs]).toEqual([1, { database: null }]);
    expect((await hosts.play('remove_database', mine)).changed).toBe(0);
    const left = "SELECT User FROM mysql.global_priv WHERE User LIKE 'aegir%'; SHOW DATABASES LIKE 'aegir%';";
    expect(await hosts.ask(left)).toEqual(['aegir_shopxone', 'aegir_blog', 'aegir_shopxone']);
    expect((await playRole('remove_database', mine, { host: third })).changed).toBe(0);
  });

  test('databases of nobody are found and removed with their accounts; what Aegir has not made is kept', async () => {
    const note = (name: string) => `CREATE DATABASE aegir_${name} COMMENT 'Environment of Aegir: ${name} 01X';`;
    await hosts.ask(
      `${note('lost')} ${note('known_one')} CREATE DATABASE aegir_theirs; CREATE USER 'aegir_lost'@'10.0.0.9';`,
    );
    const inventory = { environments: ['known-one'], databases: [], releases: [] };
    const find = async () => {
      const { outputs, changed } = await hosts.play('find_orphans', { inventory });
      expect(changed).toBe(0);
      const names = ['aegir_lost', 'aegir_known_one', 'aegir_theirs'];
      return (outputs.orphans as { name: string }[]).filter(({ name }) => names.includes(name));
    };
    const lost = { orphan_kind: 'database', orphan_name: 'aegir_lost' };
    expect(await find()).toEqual([{ kind: 'database', name: 'aegir_lost', parts: ['database', 'accounts'] }]);
    expect((await hosts.play('remove_orphan', lost)).changed).toBe(1);
    expect((await hosts.play('remove_orphan', lost)).changed).toBe(0);
    expect(await find()).toEqual([]);
    expect(await refused('find_orphans', { inventory, ...lost })).toContain('no orphaned database “aegir_lost”');
    expect(await refused('find_orphans', {})).toContain('What Aegir knows is missing');
    expect(await refused('remove_orphan', { ...lost, orphan_name: 'aegir_theirs' })).toContain('was not made by Aegir');
    expect(await refused('remove_orphan', { ...lost, orphan_name: 'mysql' })).toContain('is no name of a database');
  });
});
