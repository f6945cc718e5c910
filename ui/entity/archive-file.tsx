// The file of an Archive: brought here from this browser's machine, downloaded, deleted.

import { useNavigate } from '@solidjs/router';
import { createSignal, createUniqueId, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import type { Entity } from '../../model/entities.ts';
import { stampOf } from '../../model/names.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { sendFile } from '../api/send-file.ts';
import { useMay } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';

const refresh = () => queryClient.invalidateQueries({ queryKey: ['entities'] });

export function UploadArchive() {
  const may = useMay();
  const navigate = useNavigate();
  const id = createUniqueId();
  const [file, setFile] = createSignal<File | null>(null);
  const [part, setPart] = createSignal<number | null>(null);
  const [error, setError] = createSignal<unknown>(null);
  const upload = async (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = file();
    if (!chosen) return;
    setError(null);
    setPart(0);
    try {
      const made = await sendFile<Entity>(
        `/archives?name=${encodeURIComponent(nameFrom(chosen.name))}`,
        chosen,
        setPart,
      );
      await refresh();
      navigate(`/archives/${made.id}`);
    } catch (cause) {
      setError(cause);
    } finally {
      setPart(null);
    }
  };
  return (
    <Show when={may('edit')}>
      <Panel title="Upload an archive">
        <form class="inline-form" onSubmit={upload}>
          <div class="field">
            <label for={id}>File (.tar.gz)</label>
            <input
              id={id}
              class="input"
              type="file"
              accept=".gz,.tgz"
              required
              onChange={event => setFile(event.currentTarget.files?.[0] ?? null)}
            />
          </div>
          <button type="submit" class="button button-primary" disabled={part() !== null}>
            Upload
          </button>
          <Show when={part() !== null}>
            <progress value={part() ?? 0} max={1} aria-label="How much of it has been sent" />
          </Show>
        </form>
        <p class="faint">
          Of another Aegir, of “drush archive:dump”, or of the same layout: database/database.sql and files/.
        </p>
        <Show when={error()}>
          <ErrorNotice error={error()} />
        </Show>
      </Panel>
    </Show>
  );
}

/** Of letters, digits and hyphens; what the file is called, and when, so that it is nobody else's. */
function nameFrom(file: string): string {
  const plain = file
    .toLowerCase()
    .replace(/\.(tar\.gz|tgz|gz)$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return `${plain || 'upload'}-${stampOf(new Date())}`;
}

const contents: Record<string, string> = {
  export: 'Code, database and files of the site, without settings and passwords.',
  collect: 'Database and files of the site, without its code.',
  upload: 'As it was uploaded.',
};

export function ArchiveFile(props: { entity: EntityView }) {
  const may = useMay();
  const navigate = useNavigate();
  const [open, setOpen] = createSignal(false);
  const name = () => String(props.entity.values.name);
  const remove = async () => {
    await call(`/archives/${props.entity.id}`, { method: 'DELETE' });
    await refresh();
    navigate('/archives');
  };
  return (
    <Show when={props.entity.state === 'kept' && may('run')}>
      <Panel title="File">
        <p>To make a site of it, add an Environment with the Release that it is to have, and choose “Import” there.</p>
        <div class="offer">
          <a class="button" href={`/api/archives/${props.entity.id}/content`} download={`${name()}.tar.gz`}>
            Download
          </a>
          <span class="offer-text">{contents[String(props.entity.values.origin)]}</span>
        </div>
        <div class="offer">
          <button type="button" class="button button-danger" onClick={() => setOpen(true)}>
            Delete
          </button>
          <span class="offer-text">With its file; sites that were made of it stay.</span>
        </div>
      </Panel>
      <ConfirmDialog open={open()} title={`Delete ${name()}?`} verb="Delete" close={() => setOpen(false)} run={remove}>
        <p>The file is gone then. No site is touched.</p>
      </ConfirmDialog>
    </Show>
  );
}
