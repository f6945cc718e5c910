// What an API server, or the way to it, says when something does not go, in words for people.

export interface FieldConflict {
  field: string;
  owner: string;
}

/** An answer with a status of 400 and more. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly conflicts: FieldConflict[];
  /** Seconds after which to ask again; null = it does not say. */
  readonly retryAfter: number | null;

  constructor(status: number, body: unknown, retryAfter: number | null = null) {
    const { message, reason, details } = (body ?? {}) as Partial<StatusBody>;
    super(message || `The API server answered with code ${status}.`);
    // Server-side apply answers so when a manifest has fields or types that the kind does not know.
    this.status = status === 500 && /failed to create typed patch object/.test(message ?? '') ? 422 : status;
    this.reason = reason ?? '';
    this.retryAfter = retryAfter;
    this.conflicts = (details?.causes ?? [])
      .filter(cause => cause.reason === 'FieldManagerConflict')
      .map(({ field = '', message: owner = '' }) => ({ field: field.replace(/^\./, ''), owner: ownerOf(owner) }));
  }
}

interface StatusBody {
  message: string;
  reason: string;
  details?: { causes?: { reason?: string; field?: string; message?: string }[] };
}

/** `conflict with "kubectl" using apps/v1` */
function ownerOf(message: string): string {
  return /^conflict with "([^"]+)"/.exec(message)?.[1] ?? message;
}

export const isStatus = (error: unknown, ...statuses: number[]): error is ApiError =>
  error instanceof ApiError && statuses.includes(error.status);

/** Somebody else has written the object in between; a conflict of field owners is none of these. */
export const isWriteRace = (error: unknown): boolean => isStatus(error, 409) && error.conflicts.length === 0;

/** Worth another try: the server is away or overloaded, or the way to it broke. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500;
  return passingCodes.has(codeOf(error));
}

const passingCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOTFOUND',
]);

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}

export interface Trouble {
  status: 'failed' | 'unreachable';
  message: string;
}

/** null = it is no trouble with the way to the cluster or with who we are. */
export function explainTrouble(error: unknown, cluster: { name: string; inCluster: boolean }): Trouble | null {
  const { name, inCluster } = cluster;
  const credentials = inCluster ? 'the service account of the worker' : `the kubeconfig of the Cluster ${name}`;
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : String(error);
  if (isStatus(error, 401))
    return failed(
      `The cluster ${name} does not know us: ${credentials} has expired or was revoked. Enter a new one (docs/kubernetes.md).`,
    );
  if (expiredClient.test(`${code} ${said}`))
    return failed(
      `The cluster ${name} refuses the client certificate of ${credentials}: it has expired, or is of another authority. Enter a new one (docs/kubernetes.md).`,
    );
  if (wrongAuthority.has(code))
    return failed(
      `The certificate of the API server of ${name} is not from the authority in ${credentials} (${code}). Is the address right? Else enter the certificate-authority-data of this cluster.`,
    );
  if (code === 'CERT_HAS_EXPIRED')
    return failed(`The certificate of the API server of ${name} has expired. Renew it there.`);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return failed(
      `The certificate of the API server of ${name} is for other names than the address in ${credentials}: ${said}`,
    );
  if (isPassing(error) && !(error instanceof ApiError))
    return {
      status: 'unreachable',
      message: `The API server of the cluster ${name} cannot be reached (${said}). Is it up, and is its address in ${credentials} right?`,
    };
  if (isPassing(error))
    return {
      status: 'unreachable',
      message: `The API server of the cluster ${name} does not answer properly: ${said}`,
    };
  return null;
}

const failed = (message: string): Trouble => ({ status: 'failed', message });

/** The alerts by which a server refuses a client's certificate. */
const expiredClient =
  /ERR_SSL_(TLSV?1[^ ]*|SSLV3)_ALERT_(CERTIFICATE_EXPIRED|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)/;

const wrongAuthority = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);
