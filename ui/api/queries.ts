// What the pages ask for, by name. The first part of a key says what sort of thing it is; live.ts makes these stale.

import { keepPreviousData, QueryCache, QueryClient, useInfiniteQuery, useQuery } from '@tanstack/solid-query';
import type { Accessor } from 'solid-js';
import type {
  AgainView,
  AuditView,
  CatalogueView,
  DryRunView,
  EngineView,
  EntityView,
  FormView,
  ListedEntity,
  OperationSummary,
  OperationTypeOffer,
  OperationView,
  OverrideView,
  Page,
  ResumeView,
  SessionView,
  TemplateView,
} from '../../api/contract.ts';
import type { DeliveryView } from '../../api/contract-deliveries.ts';
import type { PersonView, SessionEntryView, TokenView } from '../../api/contract-people.ts';
import type { PushPage } from '../../api/contract-pushes.ts';
import type { RolloutItemView, RolloutSummary, RolloutView } from '../../api/contract-rollouts.ts';
import type { ScheduledRunView, ScheduleEntryView } from '../../api/contract-schedules.ts';
import type { DriftView } from '../../api/drift-contract.ts';
import type { Need, NeedTopic } from '../../model/need.ts';
import type { OperationState } from '../../model/run.ts';
import { ApiError, call, onSignedOut, queryString } from './client.ts';

export type Params = Record<string, string | number | undefined>;

export const queryClient = new QueryClient({
  queryCache: new QueryCache(),
  defaultOptions: {
    queries: {
      // The event stream says what changed; time alone makes nothing stale while it is open.
      staleTime: 30_000,
      reconcile: 'id',
      // What was refused is refused again; only trouble on the way or in the server may pass.
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

onSignedOut(() => queryClient.setQueryData(['session'], null));

export function useSessionQuery(enabled: Accessor<boolean>) {
  return useQuery(() => ({
    queryKey: ['session'],
    queryFn: askSession,
    staleTime: Number.POSITIVE_INFINITY,
    enabled: enabled(),
  }));
}

async function askSession(): Promise<SessionView | null> {
  try {
    return await call<SessionView>('/session');
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** One page of a list at a time; `fetchNextPage` adds the next. */
function usePages<T>(
  key: string,
  path: Accessor<string>,
  params: Accessor<Params>,
  enabled: Accessor<boolean> = () => true,
) {
  return useInfiniteQuery(() => ({
    queryKey: [key, path(), params()],
    queryFn: ({ pageParam }: { pageParam: string }) =>
      call<Page<T>>(path() + queryString({ limit: 50, ...params(), after: pageParam })),
    initialPageParam: '',
    getNextPageParam: (last: Page<T>) => last.next,
    enabled: enabled(),
    placeholderData: keepPreviousData,
  }));
}

export function useEntities(
  plural: Accessor<string>,
  params: Accessor<Params> = () => ({}),
  enabled: Accessor<boolean> = () => true,
) {
  return usePages<ListedEntity>('entities', () => `/${plural()}`, params, enabled);
}

export function useOperations(params: Accessor<Params>) {
  return usePages<OperationSummary>('operations', () => '/operations', params);
}

/** How many are in a state, as far as a first page tells: "2", "50+". '' = none. */
export function useOperationCount(state: OperationState): Accessor<string> {
  const answer = useOperations(() => ({ state }));
  return () => {
    const count = answer.data?.pages.reduce((sum, page) => sum + page.items.length, 0) ?? 0;
    return count === 0 ? '' : `${count}${answer.hasNextPage ? '+' : ''}`;
  };
}

export function useScheduleEntries(params: Accessor<Params>) {
  return usePages<ScheduleEntryView>('schedule-entries', () => '/schedule-entries', params);
}

export function useScheduledRuns(params: Accessor<Params>) {
  return usePages<ScheduledRunView>('scheduled-runs', () => '/scheduled-runs', params);
}

export function useRollouts(params: Accessor<Params>) {
  return usePages<RolloutSummary>('rollouts', () => '/rollouts', params);
}

export function useRollout(id: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['rollout', id()],
    queryFn: () => call<RolloutView>(`/rollouts/${encodeURIComponent(id())}`),
  }));
}

export function useRolloutItems(id: Accessor<string>, params: Accessor<Params>) {
  return usePages<RolloutItemView>('rollout-items', () => `/rollouts/${encodeURIComponent(id())}/items`, params);
}

export interface NeedsAnswer {
  items: Need[];
  totals: Partial<Record<NeedTopic, number>>;
}

/** Much of it comes with time, of which no event tells. */
const needsMs = 30_000;

export function useNeeds() {
  return useQuery(() => ({
    queryKey: ['needs'],
    queryFn: () => call<NeedsAnswer>('/needs'),
    refetchInterval: needsMs,
  }));
}

export function useAudit() {
  return usePages<AuditView>(
    'audit',
    () => '/audit',
    () => ({}),
  );
}

export function useDeliveries(receiver: Accessor<string>) {
  return usePages<DeliveryView>(
    'deliveries',
    () => `/receivers/${receiver()}/deliveries`,
    () => ({ limit: 20 }),
  );
}

export function usePushes(project: Accessor<string>) {
  return useInfiniteQuery(() => ({
    queryKey: ['pushes', project()],
    queryFn: ({ pageParam }: { pageParam: string }) =>
      call<PushPage>(`/projects/${project()}/pushes${queryString({ limit: 10, after: pageParam })}`),
    initialPageParam: '',
    getNextPageParam: (last: PushPage) => last.next,
    placeholderData: keepPreviousData,
  }));
}

export function useEntity(plural: Accessor<string>, id: Accessor<string | undefined>) {
  return useQuery(() => ({
    queryKey: ['entity', plural(), id()],
    queryFn: () => call<EntityView>(`/${plural()}/${encodeURIComponent(id() ?? '')}`),
    enabled: Boolean(id()),
  }));
}

export function useDrift(plural: Accessor<string>, id: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['drift', plural(), id()],
    queryFn: () => call<DriftView>(`/${plural()}/${encodeURIComponent(id())}/drift`),
  }));
}

export function useDryRun(operation: Accessor<string>, enabled: Accessor<boolean>) {
  return useQuery(() => ({
    queryKey: ['dry-run', operation()],
    queryFn: () => call<DryRunView>(`/operations/${encodeURIComponent(operation())}/differences`),
    enabled: enabled(),
  }));
}

export function useOffers(plural: Accessor<string>, id: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['offers', plural(), id()],
    queryFn: () => call<OperationTypeOffer[]>(`/${plural()}/${encodeURIComponent(id())}/operation-types`),
  }));
}

export function useOperationForm(
  plural: Accessor<string>,
  id: Accessor<string>,
  type: Accessor<string>,
  input: Accessor<string>,
) {
  return useQuery(() => ({
    queryKey: ['form', plural(), id(), type(), input()],
    queryFn: () =>
      call<FormView>(
        `/${plural()}/${encodeURIComponent(id())}/operation-types/${encodeURIComponent(type())}/form${queryString({ input: input() })}`,
      ),
    placeholderData: keepPreviousData,
  }));
}

export function useOverrides(plural: Accessor<string>, id: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['overrides', plural(), id()],
    queryFn: () => call<OverrideView[]>(`/${plural()}/${encodeURIComponent(id())}/overrides`),
  }));
}

/** A template as the Task type brings it. */
export function useTemplate(taskType: Accessor<string>, template: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['template', taskType(), template()],
    queryFn: () =>
      call<TemplateView>(`/task-types/${encodeURIComponent(taskType())}/templates/${encodeURIComponent(template())}`),
  }));
}

export function useOperation(id: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['operation', id()],
    queryFn: () => call<OperationView>(`/operations/${encodeURIComponent(id())}`),
  }));
}

/** What a resume would do, as it is now. */
export function useResume(id: Accessor<string>, isOpen: Accessor<boolean>) {
  return useQuery(() => ({
    queryKey: ['resume', id()],
    queryFn: () => call<ResumeView>(`/operations/${encodeURIComponent(id())}/resume`),
    enabled: isOpen(),
    staleTime: 0,
    gcTime: 0,
  }));
}

/** Inputs of an earlier Operation, for a new one; '' = there is none. */
export function useAgain(id: Accessor<string>) {
  return useQuery(() => ({
    queryKey: ['again', id()],
    queryFn: () => call<AgainView>(`/operations/${encodeURIComponent(id())}/again`),
    enabled: id() !== '',
    staleTime: 0,
  }));
}

export function useEngine(id: Accessor<string>, isOpen: Accessor<boolean>) {
  return useQuery(() => ({
    queryKey: ['engine', id()],
    queryFn: () => call<EngineView>(`/operations/${encodeURIComponent(id())}/engine`),
    enabled: isOpen(),
  }));
}

export function useCatalogue() {
  // It follows folders on disk, of which no event tells.
  return useQuery(() => ({ queryKey: ['catalogue'], queryFn: () => call<CatalogueView>('/catalogue'), staleTime: 0 }));
}

export function useTokens() {
  return useQuery(() => ({ queryKey: ['tokens'], queryFn: () => call<TokenView[]>('/tokens') }));
}

export function usePeople() {
  return useQuery(() => ({ queryKey: ['people'], queryFn: () => call<PersonView[]>('/people') }));
}

export function useSessions() {
  return useQuery(() => ({ queryKey: ['sessions'], queryFn: () => call<SessionEntryView[]>('/sessions') }));
}
