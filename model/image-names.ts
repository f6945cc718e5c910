// Names of container images, as the distribution specification of the OCI has them: `registry/repository@sha256:…`.

const host = String.raw`(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::[0-9]+)?`;
const part = String.raw`[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*`;
const byDigest = new RegExp(`^(${host})/${part}(?:/${part})*@sha256:[0-9a-f]{64}$`);

/** With fewer characters some registries do not take it; Docker's own limit. */
const longest = 255 + '@sha256:'.length + 64;

/** One image for ever: a tag would be another one tomorrow, and a short name another one elsewhere. */
export function checkImageDigest(value: string): string | null {
  const example = 'such as registry.example.org/shop@sha256:… with 64 hexadecimal digits';
  if (value.length > longest) return `is longer than ${longest} characters.`;
  const [, registry = ''] = byDigest.exec(value) ?? [];
  if (registry)
    return /[.:]/.test(registry) || registry === 'localhost'
      ? null
      : `does not begin with a registry: write its host in front, ${example}.`;
  if (/^[^@]*:[^/@]+$/.test(value))
    return `names a tag, which may be another image tomorrow: name it by its digest, ${example}.`;
  if (/[A-Z]/.test(value)) return `has capital letters, which names of images have not: write it ${example}.`;
  return `is no image by its digest: write it ${example}.`;
}
