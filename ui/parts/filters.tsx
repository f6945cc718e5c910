// Inputs that narrow a list.

import { createUniqueId, For } from 'solid-js';

interface FilterSelectProps {
  label: string;
  value: string;
  options: { value: string; title: string }[];
  onChange: (value: string) => void;
}

export function FilterSelect(props: FilterSelectProps) {
  const id = createUniqueId();
  return (
    <div class="filter">
      <label for={id}>{props.label}</label>
      <select id={id} class="input" onChange={event => props.onChange(event.currentTarget.value)}>
        <option value="" selected={props.value === ''}>
          all
        </option>
        <For each={props.options}>
          {option => (
            <option value={option.value} selected={option.value === props.value}>
              {option.title}
            </option>
          )}
        </For>
      </select>
    </div>
  );
}

// A pause in typing of this length reads as "done with this word"; shorter asks for every letter.
const typingPauseMs = 250;

export function SearchFilter(props: { value: string; onChange: (text: string) => void }) {
  const id = createUniqueId();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const later = (text: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => props.onChange(text.trim()), typingPauseMs);
  };
  return (
    <div class="filter filter-search">
      <label for={id}>Search</label>
      <input
        id={id}
        class="input"
        type="search"
        value={props.value}
        onInput={event => later(event.currentTarget.value)}
      />
    </div>
  );
}
