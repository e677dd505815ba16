// Where one writes: text with a counter, warning, pictures with words for those who can't see them, poll, who may read it, its
// language, when it appears, and what may be done with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { count, languages, t, tn } from "../i18n";
import { get, send, upload } from "./api";
import { about, change, draft, editing, empty, isEmpty, length, open } from "./compose-state";
import { Content, Name } from "./content";
import { added } from "./feed";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { account, instance, keep, show, tell } from "./state";
import { Avatar, postPath } from "./status";
import { store } from "../stored";
import type { Account, Emoji, Media, Status, Tag, Visibility } from "./types";

const visibilities: { value: Visibility; icon: "globe" | "moon" | "lock" | "at" }[] = [
    { value: "public", icon: "globe" },
    { value: "unlisted", icon: "moon" },
    { value: "private", icon: "lock" },
    { value: "direct", icon: "at" },
];
const purposes = ["train_generative", "inference_input", "bulk_dataset", "search"] as const;
type Purpose = (typeof purposes)[number];

// ---- sending -------------------------------------------------------------------------------------------------------

let key = crypto.randomUUID(); // one a post: a repeated request makes no second one

async function submit(consent: Partial<Record<Purpose, string>>): Promise<Status | null> {
    const d = draft.value;
    const edited = editing.value;
    const body: Record<string, unknown> = {
        status: d.status,
        spoiler_text: d.spoiler_text,
        sensitive: d.sensitive,
        language: d.language || undefined,
        media_ids: d.media.map((m) => m.id),
        poll: d.poll ? { ...d.poll, options: d.poll.options.filter((o) => o.trim()) } : undefined,
    };
    if (edited) {
        body.media_attributes = d.media.map((m) => ({ id: m.id, description: m.description ?? "" }));
        return send<Status>("PUT", `/api/v1/statuses/${edited.id}`, body);
    }
    Object.assign(body, {
        visibility: d.visibility,
        in_reply_to_id: d.in_reply_to_id ?? undefined,
        quoted_status_id: d.quoted_status_id ?? undefined,
        scheduled_at: d.scheduled_at ? new Date(d.scheduled_at).toISOString() : undefined,
        consent: Object.keys(consent).length ? consent : undefined,
    });
    const made = await send<Status>("POST", "/api/v1/statuses", body, { "Idempotency-Key": key });
    return "scheduled_at" in made ? null : made;
}

// ---- pictures --------------------------------------------------------------------------------------------------------

async function attach(files: FileList | File[]): Promise<void> {
    const room = (instance.value?.configuration.statuses.max_media_attachments ?? 4) - draft.value.media.length;
    for (const file of [...files].slice(0, room)) {
        const form = new FormData();
        form.append("file", file);
        show(t("uploading", { name: file.name }));
        try {
            let m = await upload<Media>("POST", "/api/v2/media", form);
            for (let i = 0; !m.url && i < 60; i++) {
                await new Promise((done) => setTimeout(done, 500));
                m = await get<Media>(`/api/v1/media/${m.id}`);
            }
            change({ media: [...draft.value.media, m] });
            show(t("uploaded"));
        } catch (error) {
            tell(error);
        }
    }
}

function Attached({ m }: { m: Media }) {
    const [words, setWords] = useState(m.description ?? "");
    const save = async (): Promise<void> => {
        if (words === (m.description ?? "")) return;
        try {
            const done = editing.value ? { ...m, description: words } : await send<Media>("PUT", `/api/v1/media/${m.id}`, { description: words });
            change({ media: draft.value.media.map((x) => (x.id === m.id ? { ...m, ...done } : x)) });
        } catch (error) {
            tell(error);
        }
    };
    return (
        <li class="attached">
            {m.type === "audio" ? <span class="picture sound-sign">♪</span> : <img src={m.preview_url ?? m.url ?? ""} alt="" />}
            <label>
                <span class="small">{t("describe")}</span>
                <textarea rows={2} maxLength={1500} value={words} placeholder={t("describe_hint")} onInput={(e) => setWords(e.currentTarget.value)} onBlur={() => void save()} />
            </label>
            <button type="button" class="tool" aria-label={t("remove")} onClick={() => change({ media: draft.value.media.filter((x) => x.id !== m.id) })}>
                <Icon name="close" />
            </button>
        </li>
    );
}

// ---- poll ------------------------------------------------------------------------------------------------------------

function PollEditor() {
    const poll = draft.value.poll;
    const limits = instance.value?.configuration.polls;
    if (!poll) return null;
    const set = (part: Partial<typeof poll>): void => change({ poll: { ...poll, ...part } });
    const ages = [300, 1800, 3600, 21600, 43200, 86400, 259200, 604800];
    return (
        <fieldset class="poll-editor">
            <legend>{t("poll")}</legend>
            {poll.options.map((o, i) => (
                <input
                    key={i}
                    value={o}
                    maxLength={limits?.max_characters_per_option ?? 50}
                    placeholder={t("choice", { n: i + 1 })}
                    aria-label={t("choice", { n: i + 1 })}
                    onInput={(e) => {
                        const options = poll.options.map((x, k) => (k === i ? e.currentTarget.value : x));
                        if (i === options.length - 1 && e.currentTarget.value && options.length < (limits?.max_options ?? 4)) options.push("");
                        set({ options });
                    }}
                />
            ))}
            <label class="check">
                <input type="checkbox" checked={poll.multiple} onChange={(e) => set({ multiple: e.currentTarget.checked })} /> {t("poll_multiple")}
            </label>
            <label class="row">
                {t("poll_length")}
                <select value={poll.expires_in} onChange={(e) => set({ expires_in: Number(e.currentTarget.value) })}>
                    {ages.map((s) => (
                        <option key={s} value={s}>
                            {s < 3600 ? tn("minutes", s / 60) : s < 86400 ? tn("hours", s / 3600) : tn("days", s / 86400)}
                        </option>
                    ))}
                </select>
            </label>
        </fieldset>
    );
}

// ---- names, tags and emoji while one types -----------------------------------------------------------------------------

interface Offer {
    label: string;
    insert: string;
    picture?: string;
}
let emojis: Emoji[] | null = null;

async function offers(word: string): Promise<Offer[]> {
    const kind = word[0];
    const rest = word.slice(1);
    if (rest.length < 2) return [];
    if (kind === "@") {
        const list = await get<Account[]>("/api/v1/accounts/search", { q: rest, limit: 5 });
        return list.map((a) => ({ label: `${a.display_name || a.username} @${a.acct}`, insert: `@${a.acct}`, picture: a.avatar_static }));
    }
    if (kind === "#") {
        const found = await get<{ hashtags: Tag[] }>("/api/v2/search", { q: rest, type: "hashtags", limit: 5 });
        return found.hashtags.map((h) => ({ label: `#${h.name}`, insert: `#${h.name}` }));
    }
    emojis ??= await get<Emoji[]>("/api/v1/custom_emojis");
    return emojis
        .filter((e) => e.shortcode.toLowerCase().includes(rest.toLowerCase()))
        .slice(0, 6)
        .map((e) => ({ label: `:${e.shortcode}:`, insert: `:${e.shortcode}:`, picture: e.static_url }));
}

function useOffers(box: { current: HTMLTextAreaElement | null }) {
    const [list, setList] = useState<Offer[]>([]);
    const [at, setAt] = useState(0);
    const word = (): { start: number; text: string } | null => {
        const el = box.current;
        if (!el || el.selectionStart !== el.selectionEnd) return null;
        const before = el.value.slice(0, el.selectionStart);
        const hit = /(?:^|\s)([@#:][\w.@-]*)$/.exec(before);
        return hit?.[1] ? { start: before.length - hit[1].length, text: hit[1] } : null;
    };
    const look = (): void => {
        const w = word();
        if (!w) return setList([]);
        void offers(w.text)
            .then((l) => {
                if (word()?.text === w.text) {
                    setList(l);
                    setAt(0);
                }
            })
            .catch(() => setList([]));
    };
    const take = (o: Offer): void => {
        const el = box.current;
        const w = word();
        if (!el || !w) return;
        const text = `${el.value.slice(0, w.start)}${o.insert} ${el.value.slice(el.selectionStart)}`;
        change({ status: text });
        setList([]);
        requestAnimationFrame(() => {
            el.focus();
            el.setSelectionRange(w.start + o.insert.length + 1, w.start + o.insert.length + 1);
        });
    };
    const keys = (event: KeyboardEvent): boolean => {
        if (!list.length) return false;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") setAt((at + (event.key === "ArrowDown" ? 1 : list.length - 1)) % list.length);
        else if (event.key === "Enter" || event.key === "Tab") take(list[at] as Offer);
        else if (event.key === "Escape") setList([]);
        else return false;
        event.preventDefault();
        event.stopPropagation();
        return true;
    };
    return { list, at, look, take, keys };
}

// ---- the whole -----------------------------------------------------------------------------------------------------------

function About() {
    const s = about.value;
    if (!s) return null;
    return (
        <blockquote class="quoted">
            <p class="quoted-head">
                <Avatar account={s.account} small />
                <b>
                    <Name account={s.account} />
                </b>
                <span class="small">{t(draft.value.quoted_status_id ? "quoting" : "answering")}</span>
            </p>
            <div class="text clipped" dir="auto">
                <Content html={s.content} place={s} />
            </div>
        </blockquote>
    );
}

function Consent({ value, set }: { value: Partial<Record<Purpose, string>>; set: (v: Partial<Record<Purpose, string>>) => void }) {
    return (
        <details class="consent-choice">
            <summary>
                <Icon name="leaf" /> {t("consent_here")}
            </summary>
            <p class="small">{t("consent_here_hint")}</p>
            {purposes.map((p) => (
                <label key={p} class="row">
                    {t(`purpose_${p}`)}
                    <select
                        value={value[p] ?? ""}
                        onChange={(e) => {
                            const next = { ...value };
                            if (e.currentTarget.value) next[p] = e.currentTarget.value;
                            else delete next[p];
                            set(next);
                        }}
                    >
                        <option value="">{t("as_my_settings")}</option>
                        <option value="allow">{t("allow")}</option>
                        <option value="deny">{t("deny")}</option>
                    </select>
                </label>
            ))}
        </details>
    );
}

export function ComposeForm({ inline = false }: { inline?: boolean }) {
    const d = draft.value;
    const box = useRef<HTMLTextAreaElement>(null);
    const pick = useRef<HTMLInputElement>(null);
    const [busy, setBusy] = useState(false);
    const [warn, setWarn] = useState(false);
    const [later, setLater] = useState(false);
    const [asked, setAsked] = useState(false);
    const [consent, setConsent] = useState<Partial<Record<Purpose, string>>>({});
    const offer = useOffers(box);
    const limits = instance.value?.configuration.statuses;
    const most = limits?.max_characters ?? 500;
    const left = most - length(d.status + d.spoiler_text, limits?.characters_reserved_per_url ?? 23);
    const withWarning = warn || !!d.spoiler_text;
    const undescribed = d.media.some((m) => !m.description?.trim());
    const publish = async (): Promise<void> => {
        if (busy || left < 0 || isEmpty(d)) return;
        if (undescribed && !asked) {
            setAsked(true);
            return show(t("alt_missing"));
        }
        setBusy(true);
        try {
            const made = await submit(consent);
            const edited = editing.value;
            key = crypto.randomUUID();
            store("draft", null);
            editing.value = null;
            about.value = null;
            draft.value = empty();
            open.value = false;
            setConsent({});
            setAsked(false);
            setLater(false);
            setWarn(false);
            if (made) {
                keep(made);
                if (!edited) added(made);
                show(t(edited ? "saved" : "sent"), { label: t("open"), run: () => location.assign(postPath(made)) });
            } else show(t("scheduled"));
        } catch (error) {
            tell(error);
        }
        setBusy(false);
    };
    const visibility = visibilities.find((v) => v.value === d.visibility) ?? visibilities[0]!;
    return (
        <form
            class={`compose${inline ? " card" : ""}`}
            onSubmit={(e) => {
                e.preventDefault();
                void publish();
            }}
            onKeyDown={(e) => {
                if (offer.keys(e)) return;
                if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) void publish();
            }}
            onDragOver={(e) => e.preventDefault()}
            onDrop={(e) => {
                if (!e.dataTransfer?.files.length) return;
                e.preventDefault();
                void attach(e.dataTransfer.files);
            }}
        >
            <About />
            {withWarning && (
                <input class="warning-text" value={d.spoiler_text} placeholder={t("warning_hint")} aria-label={t("warning")} dir="auto" onInput={(e) => change({ spoiler_text: e.currentTarget.value })} />
            )}
            <div class="writing">
                {account.value && inline && <Avatar account={account.value} />}
                <textarea
                    ref={box}
                    rows={inline && !d.status ? 2 : 5}
                    dir="auto"
                    value={d.status}
                    placeholder={t("compose_hint")}
                    aria-label={t("compose_label")}
                    aria-autocomplete="list"
                    aria-expanded={offer.list.length > 0}
                    onInput={(e) => {
                        change({ status: e.currentTarget.value });
                        offer.look();
                    }}
                    onPaste={(e) => {
                        if (e.clipboardData?.files.length) {
                            e.preventDefault();
                            void attach(e.clipboardData.files);
                        }
                    }}
                />
                {offer.list.length > 0 && (
                    <ul class="offers" role="listbox">
                        {offer.list.map((o, i) => (
                            <li key={o.insert} role="option" aria-selected={i === offer.at}>
                                <button type="button" tabIndex={-1} onMouseDown={(e) => e.preventDefault()} onClick={() => offer.take(o)}>
                                    {o.picture && <img src={o.picture} alt="" width={24} height={24} />}
                                    {o.label}
                                </button>
                            </li>
                        ))}
                    </ul>
                )}
            </div>
            {d.media.length > 0 && (
                <ul class="attached-list">
                    {d.media.map((m) => (
                        <Attached key={m.id} m={m} />
                    ))}
                </ul>
            )}
            <PollEditor />
            {later && (
                <label class="row">
                    {t("publish_at")}
                    <input type="datetime-local" value={d.scheduled_at} onInput={(e) => change({ scheduled_at: e.currentTarget.value })} />
                </label>
            )}
            {!editing.value && !isEmpty(d) && <Consent value={consent} set={setConsent} />}
            <div class="compose-bar">
                <input ref={pick} type="file" multiple hidden accept={instance.value?.configuration.media_attachments.supported_mime_types.join(",")} onChange={(e) => e.currentTarget.files && void attach(e.currentTarget.files)} />
                <button type="button" class="tool" title={t("add_picture")} aria-label={t("add_picture")} disabled={!!d.poll || d.media.length >= (limits?.max_media_attachments ?? 4)} onClick={() => pick.current?.click()}>
                    <Icon name="picture" />
                </button>
                <button type="button" class="tool" title={t("poll")} aria-label={t("poll")} aria-pressed={!!d.poll} disabled={d.media.length > 0} onClick={() => change({ poll: d.poll ? null : { options: ["", ""], multiple: false, expires_in: 86400 } })}>
                    <Icon name="poll" />
                </button>
                <button
                    type="button"
                    class="tool"
                    title={t("warning")}
                    aria-label={t("warning")}
                    aria-pressed={withWarning}
                    onClick={() => {
                        if (withWarning) change({ spoiler_text: "" });
                        setWarn(!withWarning);
                    }}
                >
                    <Icon name="warning" />
                </button>
                {!editing.value && (
                    <button
                        type="button"
                        class="tool"
                        title={t("schedule")}
                        aria-label={t("schedule")}
                        aria-pressed={later}
                        onClick={() => {
                            if (later) change({ scheduled_at: "" });
                            setLater(!later);
                        }}
                    >
                        <Icon name="clock" />
                    </button>
                )}
                <Menu
                    label={`${t("who_reads")}: ${t(`visibility_${d.visibility}`)}`}
                    items={editing.value ? [] : visibilities.map((v) => ({ label: t(`visibility_${v.value}`), icon: v.icon, run: () => change({ visibility: v.value }) }))}
                >
                    <Icon name={visibility.icon} />
                </Menu>
                <select class="language" aria-label={t("language")} value={d.language} onChange={(e) => change({ language: e.currentTarget.value })}>
                    <option value="">{t("language")}</option>
                    {Object.entries({ ...languages, de: "Deutsch", pt: "Português", nl: "Nederlands", pl: "Polski", ja: "日本語", ...(d.language && !(d.language in languages) ? { [d.language]: d.language } : {}) }).map(([code, name]) => (
                        <option key={code} value={code}>
                            {name}
                        </option>
                    ))}
                </select>
                <output class={`left${left < 0 ? " over" : ""}`} aria-label={t("characters_left")}>
                    {count(left)}
                </output>
                <button class="primary" disabled={busy || left < 0 || isEmpty(d)}>
                    {t(editing.value ? "save" : later && d.scheduled_at ? "schedule" : "publish")}
                </button>
            </div>
        </form>
    );
}

export function ComposeDialog() {
    const dialog = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        if (!open.value) return dialog.current?.close();
        if (!dialog.current?.open) dialog.current?.showModal();
        const box = dialog.current?.querySelector("textarea"); // a dialog would give the focus to its first button
        box?.focus();
        box?.setSelectionRange(box.value.length, box.value.length);
    }, [open.value]);
    return (
        <dialog ref={dialog} class="compose-dialog" aria-label={t(editing.value ? "edit" : "write")} onClose={() => (open.value = false)}>
            <div class="dialog-head">
                <h2>{t(editing.value ? "edit" : about.value ? (draft.value.quoted_status_id ? "quote" : "reply") : "write")}</h2>
                <button type="button" class="tool" aria-label={t("close")} onClick={() => (open.value = false)}>
                    <Icon name="close" />
                </button>
            </div>
            {open.value && <ComposeForm />}
        </dialog>
    );
}

