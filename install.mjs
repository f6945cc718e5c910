// Installs what is missing: npm packages, the Python environment, the built UI; with --with-tests also what tests need from
// Debian. Runs before anything is installed, so: plain JavaScript of Node 20, no packages. Does nothing when all is there.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const cache = join(root, '.cache');
const ownPrograms = join(root, 'node_modules', '.bin');
const pythonFolder = join(cache, 'python');
const wheelFolder = join(cache, 'wheels');
const programFolder = join(cache, 'programs');
const lockFolder = join(cache, 'install.lock');
const logFile = join(cache, 'install.log');
const withTests = process.argv.includes('--with-tests');

// A virtual environment of somebody else must not get in between.
const pythonEnvironment = { PYTHONHOME: undefined, PYTHONPATH: undefined, VIRTUAL_ENV: undefined };

// What the tests run beside what every Debian has: a browser, real hosts, real clusters, and the checker of the compose file.
const testPackages = [
  'chromium',
  'conntrack',
  'containerd',
  'containernetworking-plugins',
  'curl',
  'debootstrap',
  'docker-compose',
  'docker-registry',
  'dpkg-dev',
  'fonts-dejavu-core',
  'git',
  'iproute2',
  'nftables',
  'openssh-client',
  'openssl',
  'procps',
  'runc',
  'util-linux',
];

const phases = [
  { title: 'npm packages', isDone: packagesFit, run: installPackages },
  { title: 'Python environment (Ansible, Temporal, Caddy)', isDone: pythonFits, run: installPython },
  { title: 'user interface', isDone: interfaceFits, run: buildInterface },
  ...(withTests
    ? [
        { title: 'Debian packages for the tests', isDone: debianFits, run: installDebian },
        { title: 'Python packages for the tests', isDone: wheelsFit, run: downloadWheels },
        { title: 'programs for the tests', isDone: programsFit, run: installPrograms },
      ]
    : []),
];

try {
  loadSettings();
  if (phases.some(phase => !phase.isDone())) await installWhatIsMissing();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function installWhatIsMissing() {
  makeCache();
  await takeLock();
  try {
    for (const phase of phases) if (!phase.isDone()) await runPhase(phase);
  } finally {
    fs.rmSync(lockFolder, { recursive: true, force: true });
  }
}

async function runPhase({ title, run }) {
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1000);
  console.log(`Installing: ${title} …`);
  // Often enough to see that it goes on, seldom enough to keep the screen readable.
  const timer = setInterval(() => console.log(`  … ${title}: ${seconds()} s`), 10_000);
  try {
    await run();
    console.log(`  done in ${seconds()} s`);
  } finally {
    clearInterval(timer);
  }
}

/* ---- npm packages ---- */

/** npm notes in node_modules/.package-lock.json what it has installed; packages for other systems are optional. */
function packagesFit() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!present || !fs.existsSync(join(ownPrograms, 'node'))) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const found = present[path];
    return found ? found.version === entry.version && found.integrity === entry.integrity : entry.optional === true;
  });
}

async function installPackages() {
  // Not with the Node of node_modules, which this very command replaces.
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== ownPrograms);
  await execute('npm', ['ci', '--no-audit', '--no-fund'], { PATH: path.join(delimiter), NODE_ENV: undefined });
  if (!packagesFit()) throw new Error(`The npm packages are not complete. What npm said: ${logFile}`);
  shortenExports('drizzle-orm');
}

/**
 * For each module that is imported, Node parses all `exports` of its package anew (getPackageScopeConfig of Node 24). The 130 KB of
 * drizzle-orm were a third of every start of API and worker. What they export stays the same: a pattern stands for those that it
 * describes to the letter, and an `import` goes that says what `types` and `default` say.
 */
function shortenExports(name) {
  const file = join(root, 'node_modules', name, 'package.json');
  const description = readJson(file);
  const pattern = { require: { types: './*.d.cts', default: './*.cjs' }, types: './*.d.ts', default: './*.js' };
  const isDescribed = (path, targets) => JSON.stringify(targets) === JSON.stringify(pattern).replaceAll('./*', path);
  const others = Object.entries(description.exports)
    .map(([path, targets]) => [path, withoutSameImport(targets)])
    .filter(([path, targets]) => !isDescribed(path, targets));
  const exports = { ...Object.fromEntries(others), './*': pattern };
  // Beside it first: a start that is ended meanwhile must not leave half a file.
  fs.writeFileSync(`${file}.new`, JSON.stringify({ ...description, exports }));
  fs.renameSync(`${file}.new`, file);
}

function withoutSameImport(targets) {
  const { import: own, ...rest } = targets;
  const isSame = JSON.stringify(own) === JSON.stringify({ types: rest.types, default: rest.default });
  return isSame ? rest : targets;
}

/* ---- Python ---- */

function pythonStamp() {
  // A virtual environment knows its own absolute path: a clone that was moved needs a new one.
  return hashOf([Buffer.from(root), fs.readFileSync(join(root, 'requirements.txt'))]);
}

function pythonFits() {
  if (process.env.AEGIR_PYTHON) return true;
  return read(join(pythonFolder, '.complete')) === pythonStamp() && fs.existsSync(join(pythonFolder, 'bin', 'python'));
}

async function installPython() {
  const python = findPython();
  fs.rmSync(pythonFolder, { recursive: true, force: true });
  await execute(python, ['-m', 'venv', pythonFolder], pythonEnvironment);
  const options = ['--require-hashes', '--only-binary', ':all:', '--disable-pip-version-check', '--no-input'];
  const pip = join(pythonFolder, 'bin', 'python');
  await execute(pip, ['-m', 'pip', 'install', ...options, '-r', 'requirements.txt'], pythonEnvironment);
  fs.writeFileSync(join(pythonFolder, '.complete'), pythonStamp());
}

function findPython() {
  const names = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  // Every folder, not the first hit: a version manager's shim or an old Python may stand before the right one.
  const files = names.flatMap(name => folders.map(folder => join(folder, name))).filter(file => fs.existsSync(file));
  const test =
    'import sys, json\ntry:\n import venv, ensurepip\n ok = True\nexcept ImportError:\n ok = False\nprint(json.dumps([*sys.version_info[:2], ok]))';
  let best = '';
  for (const file of new Set(files)) {
    const result = spawnSync(file, ['-c', test], { encoding: 'utf8', env: { ...process.env, ...pythonEnvironment } });
    const [major, minor, hasVenv] = parse(result.stdout) ?? [];
    if (result.status !== 0 || major === undefined) continue;
    const isNewEnough = major === 3 && minor >= 11;
    if (isNewEnough && hasVenv) return file;
    best ||= isNewEnough
      ? `Python ${major}.${minor} was found, but without its module venv`
      : `only Python ${major}.${minor} was found`;
  }
  throw new Error(
    `Aegir needs Python 3.11 or newer with the module venv; ${best || 'no Python was found'}. Install it (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python) and start again.`,
  );
}

/* ---- user interface ---- */

function interfaceStamp() {
  // The pages use the model's rules and the shapes of the API; the lock file stands for the versions of the builder.
  const folders = ['ui', 'model', 'api/contract.ts', 'package-lock.json'].map(path => join(root, path));
  const files = folders.flatMap(listSources).sort();
  return hashOf(files.flatMap(file => [Buffer.from(relative(root, file)), fs.readFileSync(file)]));
}

function listSources(path) {
  if (!fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return fs.existsSync(path) ? [path] : [];
  const entries = fs.readdirSync(path, { withFileTypes: true });
  const ignored = ['dist', 'node_modules', 'store'];
  return entries
    .filter(entry => !ignored.includes(entry.name) && !entry.name.includes('.test.') && !entry.name.startsWith('.'))
    .flatMap(entry => listSources(join(path, entry.name)));
}

function interfaceFits() {
  if (!fs.existsSync(join(root, 'ui', 'index.html'))) return true;
  return fs.existsSync(join(root, 'ui/dist/index.html')) && read(join(cache, 'ui-built')) === interfaceStamp();
}

async function buildInterface() {
  const stamp = interfaceStamp();
  const path = `${ownPrograms}${delimiter}${process.env.PATH ?? ''}`;
  await execute(join(ownPrograms, 'vite'), ['build', 'ui'], { PATH: path, NODE_ENV: 'production' });
  fs.writeFileSync(join(cache, 'ui-built'), stamp);
}

/* ---- Debian ---- */

function isDebianAsRoot() {
  return process.getuid?.() === 0 && /^ID(_LIKE)?=.*debian/m.test(read('/etc/os-release'));
}

function missingPackages() {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders.
  const result = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...testPackages], {
    encoding: 'utf8',
  });
  const lines = (result.stdout ?? '').split('\n');
  return testPackages.filter(name => !lines.includes(`${name} installed`));
}

function debianFits() {
  return !isDebianAsRoot() || missingPackages().length === 0;
}

async function installDebian() {
  const policy = '/usr/sbin/policy-rc.d';
  const before = fs.existsSync(policy) ? { text: fs.readFileSync(policy), mode: fs.statSync(policy).mode } : null;
  // Debian starts a service when it is installed; 101 forbids that.
  fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  fs.chmodSync(policy, 0o755);
  try {
    const environment = { DEBIAN_FRONTEND: 'noninteractive' };
    // Another apt may be at work: five minutes are enough for it to end.
    const options = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
    await execute('apt-get', [...options, 'update'], environment);
    const install = ['-y', '--no-install-recommends', 'install', ...missingPackages()];
    await execute('apt-get', [...options, ...install], environment);
  } finally {
    if (before) fs.writeFileSync(policy, before.text, { mode: before.mode });
    else fs.rmSync(policy, { force: true });
  }
}

/* ---- wheels that a site of the tests brings along ---- */

function wheelsStamp() {
  return hashOf([fs.readFileSync(join(root, 'test', 'wheels.txt'))]);
}

function wheelsFit() {
  return read(join(wheelFolder, '.complete')) === wheelsStamp();
}

async function downloadWheels() {
  fs.rmSync(wheelFolder, { recursive: true, force: true });
  const python = process.env.AEGIR_PYTHON || join(pythonFolder, 'bin', 'python');
  const options = ['--require-hashes', '--only-binary', ':all:', '--no-deps', '--disable-pip-version-check'];
  const target = ['--dest', wheelFolder, '-r', join('test', 'wheels.txt')];
  await execute(python, ['-m', 'pip', 'download', '--no-input', ...options, ...target], pythonEnvironment);
  fs.writeFileSync(join(wheelFolder, '.complete'), wheelsStamp());
}

/* ---- programs that tests run ---- */

function programsStamp() {
  return hashOf([fs.readFileSync(join(root, 'test', 'programs.txt'))]);
}

function programsFit() {
  return read(join(programFolder, '.complete')) === programsStamp();
}

async function installPrograms() {
  fs.rmSync(programFolder, { recursive: true, force: true });
  const python = process.env.AEGIR_PYTHON || join(pythonFolder, 'bin', 'python');
  const options = ['--require-hashes', '--only-binary', ':all:', '--no-deps', '--disable-pip-version-check'];
  const target = ['--target', programFolder, '-r', join('test', 'programs.txt')];
  await execute(python, ['-m', 'pip', 'install', '--no-input', ...options, ...target], pythonEnvironment);
  fs.writeFileSync(join(programFolder, '.complete'), programsStamp());
}

/* ---- one at a time ---- */

function makeCache() {
  try {
    fs.mkdirSync(cache, { recursive: true });
    fs.accessSync(cache, fs.constants.W_OK);
    fs.accessSync(root, fs.constants.W_OK);
  } catch {
    throw new Error(`The folder ${root} cannot be written: make it yours (chown), or clone into a folder of your own.`);
  }
}

async function takeLock() {
  for (let said = false; ; said = true) {
    try {
      fs.mkdirSync(lockFolder);
      fs.writeFileSync(join(lockFolder, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(read(join(lockFolder, 'pid')));
    if (holder ? !isAlive(holder) : isOld(lockFolder)) {
      // Only one of several waiting ones gets it renamed.
      const aside = `${lockFolder}.${process.pid}`;
      try {
        fs.renameSync(lockFolder, aside);
        fs.rmSync(aside, { recursive: true, force: true });
      } catch {
        // Another one was first.
      }
      continue;
    }
    if (!said) console.log(`Another installation is at work here (process ${holder}); waiting for it …`);
    await delay(200);
  }
}

/** Between making the folder and writing the id lie microseconds: after 5 s its maker is gone. */
function isOld(folder) {
  const made = fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return Date.now() - made > 5000;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/* ---- small things ---- */

/** Runs a command with its output in the log; a failure shows the end of it. */
function execute(command, args, environment = {}) {
  const log = fs.openSync(logFile, 'w');
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', log, log],
  });
  fs.closeSync(log);
  return new Promise((resolve, reject) => {
    const fail = reason => reject(new Error(`${lastLines()}\n"${[command, ...args].join(' ')}" ${reason}.`));
    child.once('error', error => fail(`cannot be started (${error.message})`));
    child.once('exit', (code, signal) => (code === 0 ? resolve() : fail(`failed (${code ?? signal}), see above`)));
  });
}

/** npm says first what is wrong and then how it is used; the others end with what is wrong. */
function lastLines() {
  const lines = read(logFile).trimEnd().split('\n');
  const first = lines.findIndex(line => line.startsWith('npm error'));
  return (first < 0 ? lines.slice(-15) : lines.slice(first, first + 15)).join('\n');
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function readJson(file) {
  return parse(read(file));
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

function loadSettings() {
  try {
    process.loadEnvFile?.(join(root, '.env'));
  } catch {
    // There is none.
  }
}
