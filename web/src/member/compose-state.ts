// What is being written. It survives a reload: the draft is kept in this browser until it is sent or thrown away.
import { signal } from "@preact/signals";
import { store, stored } from "../stored";
import { t } from "../i18n";
import { get } from "./api";
import { account, show, tell } from "./state";
import type { Draft, Status } from "./types";

export const open = signal(false);
export const draft = signal<Draft>(empty());
export const about = signal<Status | null>(null); // answered or quoted
export const editing = signal<Status | null>(null);

export function empty(): Draft {
    const source = account.value?.source;
    return {
        status: "",
        spoiler_text: "",
        visibility: source?.privacy ?? "public",
        language: source?.language ?? "",
        sensitive: source?.sensitive ?? false,
        in_reply_to_id: null,
        quoted_status_id: null,
        media: [],
        poll: null,
        scheduled_at: "",
    };
}
export const isEmpty = (d: Draft): boolean => !d.status.trim() && !d.media.length && !d.poll && !d.spoiler_text;

export function change(part: Partial<Draft>): void {
    draft.value = { ...draft.value, ...part };
    if (!editing.value) store("draft", isEmpty(draft.value) ? null : JSON.stringify(draft.value));
}

// Opens with what is given. What was begun and not sent is not lost: it can be taken back.
function begin(next: Draft, of: Status | null = null, edited: Status | null = null): void {
    const before = { draft: draft.value, about: about.value, editing: editing.value };
    const lost = !isEmpty(before.draft) && !before.editing && before.draft.status.trim() !== next.status.trim();
    editing.value = edited;
    about.value = of;
    draft.value = next;
    open.value = true;
    if (lost)
        show(t("draft_put_aside"), {
            label: t("take_back"),
            run: () => {
                editing.value = null;
                about.value = before.about;
                change(before.draft);
            },
        });
}

const narrower = (a: Draft["visibility"], b: Draft["visibility"]): Draft["visibility"] => {
    const order = ["public", "unlisted", "private", "direct"] as const;
    return order[Math.max(order.indexOf(a), order.indexOf(b))] ?? "public";
};

export const compose = {
    write(text = ""): void {
        if (text) return begin({ ...empty(), status: text });
        const kept = stored("draft");
        if (isEmpty(draft.value) && kept) {
            try {
                draft.value = { ...empty(), ...(JSON.parse(kept) as Draft) };
            } catch {
                store("draft", null);
            }
        } else if (isEmpty(draft.value)) draft.value = empty();
        if (editing.value) {
            editing.value = null;
            draft.value = empty();
        }
        open.value = true;
    },
    reply(s: Status): void {
        const mine = account.value?.id;
        const people = [s.account, ...s.mentions.filter((m) => m.id !== s.account.id)].filter((p) => p.id !== mine).map((p) => `@${p.acct} `);
        const base = empty();
        begin(
            { ...base, status: people.join(""), in_reply_to_id: s.id, visibility: narrower(base.visibility, s.visibility), spoiler_text: s.spoiler_text, language: base.language || s.language || "" },
            s,
        );
    },
    quote(s: Status): void {
        begin({ ...empty(), quoted_status_id: s.id }, s);
    },
    message(acct: string): void {
        begin({ ...empty(), status: `@${acct} `, visibility: "direct" });
    },
    mention(acct: string): void {
        begin({ ...empty(), status: `@${acct} ` });
    },
    async edit(s: Status): Promise<void> {
        try {
            const source = await get<{ text: string; spoiler_text: string }>(`/api/v1/statuses/${s.id}/source`);
            begin({ ...fromStatus(s), status: source.text, spoiler_text: source.spoiler_text }, null, s);
        } catch (error) {
            tell(error);
        }
    },
    redraft(s: Status, text: string): void {
        begin({ ...fromStatus(s), status: text });
    },
};

function fromStatus(s: Status): Draft {
    return {
        ...empty(),
        spoiler_text: s.spoiler_text,
        visibility: s.visibility,
        language: s.language ?? "",
        sensitive: s.sensitive,
        in_reply_to_id: s.in_reply_to_id,
        media: s.media_attachments,
        poll: s.poll ? { options: s.poll.options.map((o) => o.title), multiple: s.poll.multiple, expires_in: 86400 } : null,
    };
}

// Characters as Mastodon counts them: a link is 23, of a mention elsewhere only the name counts, a letter with its marks is one.
const segments = new Intl.Segmenter();
export function length(text: string, link: number): number {
    const counted = text
        .replace(/https?:\/\/[^\s]+/g, "x".repeat(link))
        .replace(/(^|[^\w/])@(\w+)@[\w.-]+\w/g, "$1@$2");
    let n = 0;
    for (const _ of segments.segment(counted)) n++;
    return n;
}
