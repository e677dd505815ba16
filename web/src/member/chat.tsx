// Talking to a model of this server. A conversation is a tree: asking again and writing a message anew make branches, of which one is shown.
// The text that streams in is not read out word by word; when it is whole, that is said once.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t, tn, when } from "../i18n";
import { say } from "../page";
import { get, send, stream } from "./api";
import { ModelCard, type Model } from "./chat-card";
import { Generated } from "./chat-text";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { go, type RouteProps } from "./router";
import { PageTitle } from "./shell";
import { tell } from "./state";

interface Chat {
    id: string;
    title: string;
    model: string;
    system: string;
    head: string | null;
    updated_at: string;
    updated_ms: number;
}
interface Turn {
    id: string;
    parent: string | null;
    role: "user" | "assistant";
    content: string;
    model: string;
    created_at: string;
    tokens: number;
    end: "whole" | "length" | "stopped" | "failed";
}
type Open = Chat & { turns: Turn[]; answering: boolean };

const chats = signal<Chat[]>([]);
const more = signal(false);
const models = signal<Model[]>([]);
const PAGE = 40;
let first = ""; // what was written on the list's page, to be said as soon as the conversation is there

async function load(next = false): Promise<void> {
    const got = await get<Chat[]>("/api/mynah/chats", { before: next ? chats.value.at(-1)?.updated_ms : undefined });
    chats.value = next ? [...chats.value, ...got] : got;
    more.value = got.length === PAGE;
}
async function loadModels(): Promise<void> {
    if (!models.value.length) models.value = await get<Model[]>("/api/mynah/chats/models");
}
const modelName = (name: string): string => (!name || name === "mynah" ? t("chat_our_model") : name);

async function rename(chat: Chat): Promise<Chat> {
    const title = prompt(t("chat_rename"), chat.title)?.trim();
    if (!title) return chat;
    const now = await send<Chat>("PUT", `/api/mynah/chats/${chat.id}`, { title: title.slice(0, 80) });
    chats.value = chats.value.map((c) => (c.id === now.id ? now : c));
    return now;
}
async function remove(chat: Chat): Promise<boolean> {
    if (!confirm(t("chat_delete_sure", { title: chat.title || t("chat_untitled") }))) return false;
    await send("DELETE", `/api/mynah/chats/${chat.id}`);
    chats.value = chats.value.filter((c) => c.id !== chat.id);
    return true;
}

// ---- where one writes ------------------------------------------------------------------------------------------------

function Writing({ busy, onSend, onStop, placeholder }: { busy: boolean; onSend: (text: string) => void; onStop?: () => void; placeholder: string }) {
    const [text, setText] = useState("");
    const box = useRef<HTMLTextAreaElement>(null);
    useEffect(() => {
        if (matchMedia("(min-width: 46rem)").matches) box.current?.focus({ preventScroll: true });
    }, []);
    const done = (): void => {
        if (busy || !text.trim()) return;
        onSend(text.trim());
        setText("");
    };
    return (
        <form
            class="chat-form"
            onSubmit={(e) => {
                e.preventDefault();
                done();
            }}
        >
            <textarea
                ref={box}
                rows={1}
                dir="auto"
                maxLength={30000}
                value={text}
                placeholder={placeholder}
                aria-label={placeholder}
                onInput={(e) => setText(e.currentTarget.value)}
                onKeyDown={(e) => {
                    if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
                        e.preventDefault();
                        done();
                    }
                }}
            />
            {busy && onStop ? (
                <button type="button" class="primary round" aria-label={t("chat_stop")} title={t("chat_stop")} onClick={onStop}>
                    <Icon name="stop" fill />
                </button>
            ) : (
                <button class="primary round" disabled={busy || !text.trim()} aria-label={t("send")} title={t("send")}>
                    <Icon name="up" />
                </button>
            )}
        </form>
    );
}

function ModelChoice({ value, onChange, onCard }: { value: string; onChange: (name: string) => void; onCard: () => void }) {
    return (
        <div class="chat-model">
            <Icon name="brain" />
            {models.value.length > 1 ? (
                <select aria-label={t("chat_model")} value={value || "mynah"} onChange={(e) => onChange(e.currentTarget.value)}>
                    {models.value.map((m) => (
                        <option key={m.name} value={m.name}>
                            {modelName(m.name)}
                        </option>
                    ))}
                </select>
            ) : (
                <span>{modelName(value)}</span>
            )}
            <button type="button" class="link" onClick={onCard}>
                {t("chat_card")}
            </button>
        </div>
    );
}

// ---- all conversations -----------------------------------------------------------------------------------------------

const day = (iso: string): string => {
    const days = Math.floor((new Date().setHours(0, 0, 0, 0) - new Date(iso).setHours(0, 0, 0, 0)) / 86400000);
    return days <= 0 ? t("chat_today") : days === 1 ? t("chat_yesterday") : days < 7 ? t("chat_week") : t("chat_before");
};

function Line({ chat, head }: { chat: Chat; head: string | null }) {
    return (
        <>
            {head && <li class="chat-day">{head}</li>}
            <li class="chat-line">
                <a href={`/chat/${chat.id}`}>
                    <Icon name="chat" />
                    <span class="one-line" dir="auto">
                        {chat.title || t("chat_untitled")}
                    </span>
                    <time class="small" dateTime={chat.updated_at}>
                        {when(chat.updated_at)}
                    </time>
                </a>
                <Menu
                    label={t("chat_more", { title: chat.title || t("chat_untitled") })}
                    items={[
                        { label: t("chat_rename"), icon: "pen", run: () => void rename(chat).catch(tell) },
                        { label: t("delete"), icon: "trash", danger: true, run: () => void remove(chat).catch(tell) },
                    ]}
                />
            </li>
        </>
    );
}

export function Chats(_: RouteProps) {
    const [model, setModel] = useState("mynah");
    const [card, setCard] = useState(false);
    const [busy, setBusy] = useState(false);
    const [loaded, setLoaded] = useState(false);
    useEffect(() => {
        Promise.all([load(), loadModels()])
            .then(() => setLoaded(true))
            .catch(tell);
    }, []);
    const begin = async (text: string): Promise<void> => {
        setBusy(true);
        try {
            const chat = await send<Chat>("POST", "/api/mynah/chats", { model: model === "mynah" ? "" : model });
            first = text;
            go(`/chat/${chat.id}`);
        } catch (error) {
            tell(error);
            setBusy(false);
        }
    };
    const none = loaded && !models.value.length;
    let last = "";
    return (
        <>
            <PageTitle title={t("chat")} />
            <section class="card chat-begin">
                <h2>{t("chat_hello")}</h2>
                <p class="small">{t(none ? "chat_no_model" : "chat_private")}</p>
                {!none && (
                    <>
                        <Writing busy={busy} placeholder={t("chat_hint")} onSend={(text) => void begin(text)} />
                        <ModelChoice value={model} onChange={setModel} onCard={() => setCard(true)} />
                    </>
                )}
            </section>
            {chats.value.length > 0 && (
                <nav aria-label={t("chat_history")}>
                    <ul class="card chat-list">
                        {chats.value.map((c) => {
                            const now = day(c.updated_at);
                            const head = now === last ? null : now;
                            last = now;
                            return <Line key={c.id} chat={c} head={head} />;
                        })}
                    </ul>
                </nav>
            )}
            {more.value && (
                <button type="button" class="quiet" onClick={() => void load(true).catch(tell)}>
                    {t("more")}
                </button>
            )}
            {card && <ModelCard name={model} onClose={() => setCard(false)} />}
        </>
    );
}

// ---- one conversation ------------------------------------------------------------------------------------------------

// The turns that are shown: from the first down to the head, and from there to the newest.
function wayOf(turns: Turn[], head: string | null): Turn[] {
    const by = new Map(turns.map((x) => [x.id, x]));
    const way: Turn[] = [];
    for (let at = head ? by.get(head) : undefined; at; at = at.parent ? by.get(at.parent) : undefined) way.unshift(at);
    return way;
}
const newest = (turns: Turn[], from: Turn): Turn => {
    const child = turns.filter((x) => x.parent === from.id).at(-1);
    return child ? newest(turns, child) : from;
};

function Branches({ turns, turn, busy, onPick }: { turns: Turn[]; turn: Turn; busy: boolean; onPick: (t: Turn) => void }) {
    const all = turns.filter((x) => x.parent === turn.parent && x.role === turn.role);
    const at = all.findIndex((x) => x.id === turn.id);
    if (all.length < 2) return null;
    const pick = (i: number): void => {
        const to = all[i];
        if (to) onPick(to);
    };
    return (
        <span class="branches">
            <button type="button" class="tool" disabled={busy || at === 0} aria-label={t("chat_branch_before")} onClick={() => pick(at - 1)}>
                ‹
            </button>
            <span aria-label={t("chat_branch", { n: at + 1, of: all.length })}>
                {at + 1}/{all.length}
            </span>
            <button type="button" class="tool" disabled={busy || at === all.length - 1} aria-label={t("chat_branch_after")} onClick={() => pick(at + 1)}>
                ›
            </button>
        </span>
    );
}

function Act({ label, icon, run }: { label: string; icon: "retry" | "copy" | "pen"; run: () => void }) {
    return (
        <button type="button" class="tool" aria-label={label} title={label} onClick={run}>
            <Icon name={icon} />
        </button>
    );
}

interface TurnProps {
    turn: Turn;
    turns: Turn[];
    busy: boolean;
    isLast: boolean;
    onPick: (t: Turn) => void;
    onRetry: (t: Turn) => void;
    onEdit: (t: Turn, text: string) => void;
    onCard: (model: string) => void;
}

function Mine({ turn, turns, busy, onPick, onEdit }: TurnProps) {
    const [text, setText] = useState<string | null>(null);
    if (text !== null)
        return (
            <li class="turn mine editing">
                <form
                    class="settings-form"
                    onSubmit={(e) => {
                        e.preventDefault();
                        setText(null);
                        if (text.trim()) onEdit(turn, text.trim());
                    }}
                >
                    <textarea dir="auto" rows={3} value={text} aria-label={t("chat_edit")} ref={(box) => box?.focus()} onInput={(e) => setText(e.currentTarget.value)} />
                    <div class="row">
                        <button class="primary" disabled={busy || !text.trim()}>
                            {t("send")}
                        </button>
                        <button type="button" class="quiet" onClick={() => setText(null)}>
                            {t("cancel")}
                        </button>
                    </div>
                </form>
            </li>
        );
    return (
        <li class="turn mine">
            <div class="said" dir="auto">
                <span class="sr">{t("you")}: </span>
                {turn.content}
            </div>
            <div class="turn-acts">
                <Branches turns={turns} turn={turn} busy={busy} onPick={onPick} />
                {!busy && <Act label={t("chat_edit")} icon="pen" run={() => setText(turn.content)} />}
            </div>
        </li>
    );
}

function Mark({ model, live, onCard }: { model: string; live?: boolean; onCard: (model: string) => void }) {
    return (
        <p class="mark">
            <span class={`spark-dot${live ? " live" : ""}`} aria-hidden="true">
                <Icon name="spark" fill />
            </span>
            <button type="button" class="link" onClick={() => onCard(model)} title={t("chat_card")}>
                {modelName(model)}
            </button>
            <span class="small">{t("chat_generated")}</span>
        </p>
    );
}

function Theirs({ turn, turns, busy, isLast, onPick, onRetry, onCard }: TurnProps) {
    const copy = (): void => void navigator.clipboard.writeText(turn.content).then(() => say(t("chat_copied")), tell);
    return (
        <li class="turn theirs">
            <Mark model={turn.model} onCard={onCard} />
            <Generated text={turn.content} />
            {turn.end !== "whole" && <p class="small cut">{t(turn.end === "length" ? "chat_end_length" : turn.end === "stopped" ? "chat_end_stopped" : "chat_end_failed")}</p>}
            <div class="turn-acts">
                <Branches turns={turns} turn={turn} busy={busy} onPick={onPick} />
                <Act label={t("chat_copy")} icon="copy" run={copy} />
                {isLast && !busy && <Act label={t("chat_retry")} icon="retry" run={() => onRetry(turn)} />}
            </div>
        </li>
    );
}

interface Live {
    parent: string;
    model: string;
    text: string;
    forgotten: number;
}

function useAnswer(chat: Open | null, setChat: (c: Open) => void) {
    const [live, setLive] = useState<Live | null>(null);
    const [busy, setBusy] = useState(false);
    const control = useRef<AbortController | null>(null);
    const now = useRef(chat);
    now.current = chat;
    useEffect(() => () => control.current?.abort(), []); // leaving the page hangs up, which ends the answer
    const put = (turn: Turn): void => {
        const c = now.current;
        if (!c) return;
        now.current = { ...c, turns: [...c.turns, turn], head: turn.id };
        setChat(now.current);
    };
    const hear = (event: string, data: unknown): void => {
        if (event === "begin") {
            const b = data as { user: Turn | null; parent: string; model: string; forgotten: number };
            if (b.user) put(b.user);
            setLive({ parent: b.parent, model: b.model, text: "", forgotten: b.forgotten });
        } else if (event === "text") {
            setLive((l) => l && { ...l, text: l.text + (data as { text: string }).text });
        } else if (event === "end") {
            const { turn, title } = data as { turn: Turn | null; title: string };
            if (turn) put(turn);
            if (now.current && title) setChat((now.current = { ...now.current, title }));
            say(t("chat_ready"));
        } else if (event === "fail") {
            tell(new Error((data as { error: string }).error));
        }
    };
    const ask = async (what: "messages" | "retry", body: unknown): Promise<void> => {
        if (!now.current || busy) return;
        setBusy(true);
        control.current = new AbortController();
        try {
            await stream(`/api/mynah/chats/${now.current.id}/${what}`, body, hear, control.current.signal);
        } catch (error) {
            if (!control.current.signal.aborted) tell(error);
        }
        setLive(null);
        setBusy(false);
    };
    const stop = (): void => {
        if (now.current) void send("POST", `/api/mynah/chats/${now.current.id}/stop`).catch(tell);
    };
    return { live, busy, ask, stop };
}

export function ChatPage({ params }: RouteProps) {
    const id = params.id ?? "";
    const [chat, setChat] = useState<Open | null | undefined>(undefined);
    const [card, setCard] = useState<string | null>(null);
    const { live, busy, ask, stop } = useAnswer(chat ?? null, setChat);
    const end = useRef<HTMLDivElement>(null);
    useEffect(() => {
        void loadModels().catch(tell);
        let wait = 0;
        const open = (): void => {
            get<Open>(`/api/mynah/chats/${id}`).then(
                (c) => {
                    setChat(c);
                    if (c.answering) wait = window.setTimeout(open, 2000); // asked elsewhere
                },
                (error: unknown) => {
                    setChat(null);
                    tell(error);
                },
            );
        };
        open();
        return () => clearTimeout(wait);
    }, [id]);
    const way = useMemo(() => (chat ? wayOf(chat.turns, live ? live.parent : chat.head) : []), [chat, live?.parent]);
    useEffect(() => {
        if (chat && first) {
            const text = first;
            first = "";
            void ask("messages", { text });
        }
    }, [chat]);
    // The end stays in view while one is there; who scrolls up is left alone.
    useEffect(() => {
        const box = document.documentElement;
        if (box.scrollHeight - box.scrollTop - box.clientHeight < 320) end.current?.scrollIntoView({ block: "end" });
    }, [live?.text, way.length]);
    useEffect(() => end.current?.scrollIntoView({ block: "end" }), [chat?.id]);
    if (chat === null)
        return (
            <>
                <PageTitle title={t("chat")} back />
                <p class="empty">{t("chat_gone")}</p>
            </>
        );
    const pick = (to: Turn): void => {
        if (!chat) return;
        const head = newest(chat.turns, to).id;
        setChat({ ...chat, head });
        void send("PUT", `/api/mynah/chats/${id}`, { head }).catch(tell);
    };
    const change = (body: Partial<Chat>): void => {
        if (!chat) return;
        setChat({ ...chat, ...body });
        void send("PUT", `/api/mynah/chats/${id}`, body).catch(tell);
    };
    const props = {
        turns: chat?.turns ?? [],
        busy,
        onPick: pick,
        onRetry: (turn: Turn) => void ask("retry", { turn: turn.id }),
        onEdit: (turn: Turn, text: string) => void ask("messages", { text, parent: turn.parent ?? "0" }),
        onCard: setCard,
    };
    const last = way.at(-1);
    return (
        <>
            <PageTitle title={chat?.title || t("chat_new")} back>
                <a class="tool" href="/chat" aria-label={t("chat_new")} title={t("chat_new")}>
                    <Icon name="plus" />
                </a>
                {chat && (
                    <Menu
                        label={t("chat_more", { title: chat.title })}
                        items={[
                            { label: t("chat_rename"), icon: "pen", run: () => void rename(chat).then((c) => setChat({ ...chat, ...c }), tell) },
                            { label: t("chat_card"), icon: "brain", run: () => setCard(chat.model || "mynah") },
                            { label: t("delete"), icon: "trash", danger: true, run: () => void remove(chat).then((gone) => gone && go("/chat"), tell) },
                        ]}
                    />
                )}
            </PageTitle>
            <ol class="chat" aria-live="off" aria-busy={busy}>
                {way.map((turn) => (turn.role === "user" ? <Mine key={turn.id} turn={turn} isLast={turn === last} {...props} /> : <Theirs key={turn.id} turn={turn} isLast={turn === last} {...props} />))}
                {live && (
                    <li class="turn theirs">
                        <Mark model={live.model} live onCard={setCard} />
                        {live.forgotten > 0 && <p class="small">{tn("chat_forgotten", live.forgotten)}</p>}
                        {live.text ? <Generated text={live.text} live /> : <p class="thinking">{t("chat_thinking")}</p>}
                    </li>
                )}
                {!busy && last?.role === "user" && !chat?.answering && (
                    <li class="turn theirs">
                        <button type="button" class="quiet" onClick={() => void ask("retry", { turn: last.id })}>
                            {t("chat_retry")}
                        </button>
                    </li>
                )}
                {!busy && chat?.answering && <li class="turn theirs small">{t("chat_elsewhere")}</li>}
            </ol>
            <div class="chat-foot">
                <Writing busy={busy || !!chat?.answering} placeholder={t("chat_answer_hint")} onStop={stop} onSend={(text) => void ask("messages", { text })} />
                <ModelChoice value={chat?.model ?? ""} onChange={(model) => change({ model: model === "mynah" ? "" : model })} onCard={() => setCard(chat?.model || "mynah")} />
            </div>
            <div ref={end} class="chat-end" />
            {card !== null && <ModelCard name={card} onClose={() => setCard(null)} />}
        </>
    );
}
