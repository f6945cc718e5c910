// A real SMTP server (aiosmtpd) with STARTTLS and one account, for the time of a test. What it takes is told line by line.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../start/ports.ts';
import { project } from './plain-ansible.ts';

const programs = join(project, '.cache', 'programs');
const python = process.env.AEGIR_PYTHON || join(project, '.cache', 'python', 'bin', 'python');

export interface ReceivedMail {
  from: string;
  to: string[];
  /** As it came, headers first. */
  text: string;
}

export interface SmtpServer {
  port: number;
  /** Certificate of the authority that clients have to know. */
  caFile: string;
  /** As whom one signs in. */
  user: string;
  password: string;
  mails: ReceivedMail[];
  /** It is away until `begin`. */
  end(): Promise<void>;
  begin(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there is none; null when there is. */
export function canServeMail(): string | null {
  return existsSync(join(programs, 'aiosmtpd')) ? null : 'aiosmtpd is missing: run “node install.mjs --with-tests”.';
}

const program = `
import asyncio, json, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

folder, port, user, password = sys.argv[1:]

class Keep:
    async def handle_DATA(self, server, session, envelope):
        text = envelope.content.decode()
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": text}), flush=True)
        return "250 2.0.0 taken"

def check(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (user.encode(), password.encode())
    return AuthResult(success=good, handled=good)

tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
controller = Controller(Keep(), hostname="127.0.0.1", port=int(port), tls_context=tls, require_starttls=True,
                        authenticator=check, auth_required=True)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
`;

export async function startSmtpServer(): Promise<SmtpServer> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-smtp-'));
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...files], { stdio: 'ignore' });
  const [user, password] = ['aegir', 'm4il-Passw0rd/of the test'];
  const port = await freePort();
  const mails: ReceivedMail[] = [];
  let stopProgram = async () => {};
  const begin = async () => {
    const child = spawn(python, ['-c', program, folder, String(port), user, password], {
      env: { ...process.env, PYTHONPATH: programs },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const over = new Promise<void>(resolve => child.once('exit', () => resolve()));
    const ready = Promise.withResolvers<void>();
    child.once('exit', code => ready.reject(new Error(`The SMTP server ended with ${code}.`)));
    createInterface({ input: child.stdout }).on('line', line => {
      if (line === 'ready') ready.resolve();
      else mails.push(JSON.parse(line) as ReceivedMail);
    });
    stopProgram = async () => {
      child.stdin.end();
      await over;
    };
    await ready.promise;
  };
  const end = async () => {
    await stopProgram();
    stopProgram = async () => {};
  };
  await begin();
  return {
    ...{ port, user, password, mails, begin, end },
    caFile: join(folder, 'cert.pem'),
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
