// One post with what it answers above and what answers it below; who boosted, favoured and quoted it; what it said before.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { fullTime, t } from "../i18n";
import { get, me } from "./api";
import { compose } from "./compose-state";
import { Content } from "./content";
import { Feed } from "./feed";
import { People } from "./people";
import type { RouteProps } from "./router";
import { PageTitle } from "./shell";
import { keep, post, tell } from "./state";
import { Avatar, Post } from "./status";
import { subscribe } from "./stream";
import type { Account, Emoji, Media, Status } from "./types";
import { account } from "./state";

interface Thread {
    above: string[];
    below: { id: string; depth: number; line: boolean }[];
    missing: boolean;
}
const threads = new Map<string, ReturnType<typeof signal<Thread | null>>>();

const DEPTH_MAX = 4;

// Each answer comes right after what it answers; a chain of single answers stays at one depth.
function order(root: string, list: Status[]): Thread["below"] {
    const kids = new Map<string, Status[]>();
    for (const s of list) {
        const parent = s.in_reply_to_id ?? root;
        kids.set(parent, [...(kids.get(parent) ?? []), s]);
    }
    const out: Thread["below"] = [];
    const walk = (id: string, depth: number): void => {
        const own = kids.get(id) ?? [];
        for (const s of own) {
            const answers = kids.get(s.id)?.length ?? 0;
            out.push({ id: s.id, depth, line: answers > 0 });
            walk(s.id, Math.min(DEPTH_MAX, depth + (own.length > 1 || depth === 0 ? 1 : 0)));
        }
    };
    walk(root, 0);
    return out;
}

async function load(id: string, at: ReturnType<typeof signal<Thread | null>>): Promise<void> {
    if (!post(id)?.value) keep(await get<Status>(`/api/v1/statuses/${id}`));
    if (!at.value) at.value = { above: [], below: [], missing: false };
    const context = await get<{ ancestors: Status[]; descendants: Status[] }>(`/api/v1/statuses/${id}/context`);
    context.ancestors.forEach(keep);
    context.descendants.forEach(keep);
    at.value = { above: context.ancestors.map((s) => s.id), below: order(id, context.descendants), missing: false };
}

export default function ThreadPage({ params }: RouteProps) {
    const id = params.id ?? "";
    let at = threads.get(id);
    if (!at) {
        at = signal<Thread | null>(null);
        threads.set(id, at);
    }
    const thread = at;
    const here = useRef<HTMLDivElement>(null);
    useEffect(() => {
        load(id, thread).then(
            () => requestAnimationFrame(() => thread.value?.above.length && scrollY === 0 && here.current?.scrollIntoView()),
            () => (thread.value = { above: [], below: [], missing: true }),
        );
        return subscribe("user", {}, (event, payload) => {
            if (event !== "update") return;
            const s = JSON.parse(payload) as Status;
            const known = s.in_reply_to_id === id || thread.value?.below.some((b) => b.id === s.in_reply_to_id);
            if (known) void load(id, thread).catch(() => undefined);
        });
    }, [id]);
    const now = thread.value;
    if (now?.missing)
        return (
            <>
                <PageTitle title={t("post")} back />
                <p class="empty">{t("post_missing")}</p>
            </>
        );
    const s = post(id)?.value;
    return (
        <>
            <PageTitle title={t("post")} back />
            <div class="thread">
                {now?.above.map((one) => <Post key={one} id={one} line />)}
                <div ref={here} class="thread-here">
                    {s ? <Post id={id} detailed /> : post(id) ? <p class="post gone">{t("deleted")}</p> : null}
                </div>
                {s && me && (
                    <button type="button" class="card answer-here" onClick={() => compose.reply(s)}>
                        {account.value && <Avatar account={account.value} small />}
                        {t("answer_hint")}
                    </button>
                )}
                {now?.below.map((b) => (
                    <div key={b.id} class={`depth-${b.depth}`}>
                        <Post id={b.id} line={b.line} />
                    </div>
                ))}
            </div>
        </>
    );
}

interface Version {
    content: string;
    spoiler_text: string;
    created_at: string;
    account: Account;
    emojis: Emoji[];
    media_attachments: Media[];
}

function History({ id }: { id: string }) {
    const versions = useMemo(() => signal<Version[] | null>(null), [id]);
    useEffect(() => {
        void get<Version[]>(`/api/v1/statuses/${id}/history`).then((v) => (versions.value = v.reverse()), tell);
    }, [id]);
    return (
        <ol class="versions">
            {versions.value?.map((v) => (
                <li key={v.created_at} class="post">
                    <p class="small">{fullTime(v.created_at)}</p>
                    {v.spoiler_text && <p dir="auto">{v.spoiler_text}</p>}
                    <div class="text" dir="auto">
                        <Content html={v.content} place={{ mentions: [], emojis: v.emojis }} />
                    </div>
                </li>
            ))}
        </ol>
    );
}

export function Interactions({ params }: RouteProps) {
    const base = `/api/v1/statuses/${params.id}`;
    const what = params.what ?? "";
    return (
        <>
            <PageTitle title={t(what === "boosts" ? "boosted_by" : what === "favourites" ? "favoured_by" : what === "quotes" ? "quoted_by" : "history")} back />
            {what === "boosts" && <People path={`${base}/reblogged_by`} />}
            {what === "favourites" && <People path={`${base}/favourited_by`} />}
            {what === "quotes" && <Feed source={{ path: `${base}/quotes` }} label={t("quoted_by")} empty={<p>{t("nothing_here")}</p>} />}
            {what === "history" && <History id={params.id ?? ""} />}
        </>
    );
}
