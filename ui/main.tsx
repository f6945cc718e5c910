// Starts the pages in the browser: styles, queries, routes.

import './styles/index.css';
import { Navigate, Route, Router } from '@solidjs/router';
import { QueryClientProvider } from '@tanstack/solid-query';
import { render } from 'solid-js/web';
import { queryClient } from './api/queries.ts';
import { Gate } from './app/gate.tsx';
import { applyTheme } from './app/theme.ts';
import { AccountPage } from './pages/account.tsx';
import { AuditPage } from './pages/audit.tsx';
import { CataloguePage } from './pages/catalogue.tsx';
import { EntityPage } from './pages/entity.tsx';
import { EntityCreatePage, EntityEditPage } from './pages/entity-edit.tsx';
import { EntityListPage } from './pages/entity-list.tsx';
import { HomePage } from './pages/home.tsx';
import { NeedsPage } from './pages/needs.tsx';
import { NotFound } from './pages/not-found.tsx';
import { OperationPage } from './pages/operation.tsx';
import { OperationStartPage } from './pages/operation-start.tsx';
import { OperationsPage } from './pages/operations.tsx';
import { PeoplePage } from './pages/people.tsx';
import { RolloutPage } from './pages/rollout.tsx';
import { RolloutStartPage } from './pages/rollout-start.tsx';
import { RolloutsPage } from './pages/rollouts.tsx';
import { TokensPage } from './pages/tokens.tsx';

applyTheme();

const root = document.getElementById('app');
if (!root) throw new Error('index.html has no element with the id "app".');

render(
  () => (
    <QueryClientProvider client={queryClient}>
      <Router root={Gate}>
        <Route path="/" component={HomePage} />
        <Route path="/sign-in" component={() => <Navigate href="/" />} />
        <Route path="/operations" component={OperationsPage} />
        <Route path="/operations/:id" component={OperationPage} />
        <Route path="/needs" component={NeedsPage} />
        <Route path="/rollouts" component={RolloutsPage} />
        <Route path="/rollouts/new" component={RolloutStartPage} />
        <Route path="/rollouts/:id" component={RolloutPage} />
        <Route path="/catalogue" component={CataloguePage} />
        <Route path="/audit" component={AuditPage} />
        <Route path="/people" component={PeoplePage} />
        <Route path="/account" component={AccountPage} />
        <Route path="/tokens" component={TokensPage} />
        <Route path="/:plural" component={EntityListPage} />
        <Route path="/:plural/new" component={EntityCreatePage} />
        <Route path="/:plural/:id" component={EntityPage} />
        <Route path="/:plural/:id/edit" component={EntityEditPage} />
        <Route path="/:plural/:id/run/:type" component={OperationStartPage} />
        <Route path="*" component={() => <NotFound />} />
      </Router>
    </QueryClientProvider>
  ),
  root,
);
