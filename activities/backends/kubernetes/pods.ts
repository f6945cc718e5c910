// Why a pod does not become ready, in words. Pure: what is needed besides the pod is given.

import type { Answer } from './client.ts';

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: {
    exitCode: number;
    signal?: number;
    reason?: string;
    message?: string;
    finishedAt?: string;
  };
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  image?: string;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface PodStatus {
  phase?: string;
  reason?: string;
  message?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

export const statusOf = (pod: Answer): PodStatus => (pod.status ?? {}) as PodStatus;

export const isPodReady = (pod: Answer): boolean =>
  statusOf(pod).conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

export const containersOf = (pod: Answer): ContainerStatus[] => {
  const { initContainerStatuses = [], containerStatuses = [] } = statusOf(pod);
  return [...initContainerStatuses, ...containerStatuses];
};

/** Names of those that run beside the others and end with them (sidecars). */
export function besideOf(pod: Answer): Set<string> {
  const { initContainers = [] } = (pod.spec ?? {}) as { initContainers?: { name: string; restartPolicy?: string }[] };
  return new Set(initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
}

export interface PodTrouble {
  words: string;
  /** Waiting longer does not help. */
  final: boolean;
  /** Of it the last lines of the log say more. */
  container?: string;
}

/** Three restarts take about a minute (Kubernetes waits 10 s, 20 s and 40 s): what comes up late by then has. */
const restartsOfLoop = 3;

/** @param events messages of its events, the newest last. */
export function troubleOf(pod: Answer, events: readonly string[]): PodTrouble | null {
  const { phase, reason, message = '', conditions = [] } = statusOf(pod);
  if (isPodReady(pod)) return null;
  if (phase === 'Failed' && reason) return { words: `${reason.toLowerCase()}: ${message}`, final: false };
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False')
    return { words: `pending, as no node takes it: ${scheduled.message ?? ''}`, final: false };
  for (const container of containersOf(pod)) {
    const trouble = troubleOfContainer(container, events);
    if (trouble) return trouble;
  }
  return null;
}

function troubleOfContainer(
  { name, image = '', ready, restartCount, state = {}, lastState = {} }: ContainerStatus,
  events: readonly string[],
): PodTrouble | null {
  const { waiting, terminated } = state;
  const why = waiting?.reason ?? '';
  if (
    /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError)$/.test(
      why,
    )
  ) {
    // While Kubernetes waits, only the events still say why.
    const told = events.filter(text => /^Failed to (pull|inspect) image/.test(text)).at(-1);
    const now = waiting?.message ?? '';
    const said = /^Back-off/.test(now) ? (told ?? now) : now || (told ?? '');
    const words = `the image ${image} cannot be pulled: ${said.replace(/^Failed to pull image "[^"]*": /, '')}`;
    return { words, final: isLastingPull(why, said) };
  }
  if (why === 'CrashLoopBackOff' || (restartCount >= restartsOfLoop && !ready)) {
    const end = lastState.terminated ?? terminated;
    return {
      words: `${name} ends again and again (${endWords(end)}, ${restartCount} restarts)`,
      final: restartCount >= restartsOfLoop,
      container: name,
    };
  }
  if (why && why !== 'ContainerCreating' && why !== 'PodInitializing')
    return { words: `${name} cannot be started (${why}): ${waiting?.message ?? ''}`, final: false };
  if (why) {
    const mount = events.filter(text => /mount|volume|attach/i.test(text)).at(-1);
    return mount ? { words: `${name} waits for its volumes: ${mount}`, final: false } : null;
  }
  if (terminated && terminated.exitCode !== 0)
    return { words: `${name} has ended (${endWords(terminated)})`, final: false, container: name };
  const probe = events.filter(text => /probe failed/i.test(text)).at(-1);
  if (state.running && !ready && probe) return { words: `${name} runs but is not ready: ${probe}`, final: false };
  return null;
}

/** A registry that is away may come back; an image that it does not have, or does not give us, will not come. */
function isLastingPull(reason: string, message: string): boolean {
  return (
    reason === 'InvalidImageName' ||
    reason === 'ErrImageNeverPull' ||
    /not found|does not exist|no such host|manifest unknown|unauthorized|denied|forbidden/i.test(message)
  );
}

export function endWords(end: ContainerState['terminated']): string {
  if (!end) return 'how is not known';
  if (end.reason === 'OOMKilled') return 'it needed more memory than its limit';
  return end.signal ? `signal ${end.signal}` : `code ${end.exitCode}`;
}
