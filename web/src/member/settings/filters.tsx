// Words one does not want to read, where, and what happens to posts that have them.
import { useEffect, useState } from "preact/hooks";
import { fullTime, t, type Key } from "../../i18n";
import { get, send } from "../api";
import { show, tell } from "../state";

const contexts = ["home", "notifications", "public", "thread", "account"] as const;
interface Filter {
    id: string;
    title: string;
    context: string[];
    expires_at: string | null;
    filter_action: "warn" | "hide" | "blur";
    keywords: { id?: string; keyword: string; whole_word: boolean }[];
    statuses: { id: string; status_id: string }[];
}
const fresh = (): Filter => ({ id: "", title: "", context: ["home", "public"], expires_at: null, filter_action: "warn", keywords: [{ keyword: "", whole_word: true }], statuses: [] });

function Editor({ filter, done }: { filter: Filter; done: () => void }) {
    const [f, set] = useState(filter);
    const [age, setAge] = useState("");
    const save = async (): Promise<void> => {
        const before = filter.keywords.filter((k) => k.id && !f.keywords.some((x) => x.id === k.id)).map((k) => ({ id: k.id, _destroy: true }));
        const data = {
            title: f.title,
            context: f.context,
            filter_action: f.filter_action,
            ...(age ? { expires_in: Number(age) } : {}),
            keywords_attributes: [...f.keywords.filter((k) => k.keyword.trim()), ...before],
        };
        try {
            await send(f.id ? "PUT" : "POST", `/api/v2/filters${f.id ? `/${f.id}` : ""}`, data);
            show(t("saved"));
            done();
        } catch (error) {
            tell(error);
        }
    };
    return (
        <form
            class="settings-form"
            onSubmit={(e) => {
                e.preventDefault();
                void save();
            }}
        >
            <label>
                {t("name")}
                <input value={f.title} required maxLength={256} onInput={(e) => set({ ...f, title: e.currentTarget.value })} />
            </label>
            <fieldset>
                <legend>{t("filter_words")}</legend>
                {f.keywords.map((k, i) => (
                    <div key={i} class="row">
                        <input class="grow" value={k.keyword} aria-label={t("word")} maxLength={512} onInput={(e) => set({ ...f, keywords: f.keywords.map((x, n) => (n === i ? { ...x, keyword: e.currentTarget.value } : x)) })} />
                        <label class="check">
                            <input type="checkbox" checked={k.whole_word} onChange={(e) => set({ ...f, keywords: f.keywords.map((x, n) => (n === i ? { ...x, whole_word: e.currentTarget.checked } : x)) })} /> {t("whole_word")}
                        </label>
                        <button type="button" class="quiet" onClick={() => set({ ...f, keywords: f.keywords.filter((_, n) => n !== i) })}>
                            {t("remove")}
                        </button>
                    </div>
                ))}
                <button type="button" class="quiet" onClick={() => set({ ...f, keywords: [...f.keywords, { keyword: "", whole_word: true }] })}>
                    {t("add")}
                </button>
            </fieldset>
            <fieldset>
                <legend>{t("filter_where")}</legend>
                {contexts.map((c) => (
                    <label key={c} class="check">
                        <input type="checkbox" checked={f.context.includes(c)} onChange={(e) => set({ ...f, context: e.currentTarget.checked ? [...f.context, c] : f.context.filter((x) => x !== c) })} /> {t(`context_${c}` as Key)}
                    </label>
                ))}
            </fieldset>
            <label class="row">
                {t("filter_what")}
                <select value={f.filter_action} onChange={(e) => set({ ...f, filter_action: e.currentTarget.value as Filter["filter_action"] })}>
                    <option value="warn">{t("filter_warn")}</option>
                    <option value="hide">{t("filter_hide")}</option>
                    <option value="blur">{t("filter_blur")}</option>
                </select>
            </label>
            <label class="row">
                {t("filter_until")}
                <select value={age} onChange={(e) => setAge(e.currentTarget.value)}>
                    <option value="">{f.expires_at ? fullTime(f.expires_at) : t("for_ever")}</option>
                    <option value="86400">{t("one_day")}</option>
                    <option value="604800">{t("one_week")}</option>
                    <option value="2592000">{t("one_month")}</option>
                </select>
            </label>
            <p class="row">
                <button class="primary">{t("save")}</button>
                <button type="button" class="quiet" onClick={done}>
                    {t("cancel")}
                </button>
            </p>
        </form>
    );
}

export default function Filters() {
    const [list, setList] = useState<Filter[]>([]);
    const [open, setOpen] = useState<string | null>(null);
    const load = (): void => {
        setOpen(null);
        void get<Filter[]>("/api/v2/filters").then(setList, tell);
    };
    useEffect(load, []);
    return (
        <>
            {open === "" ? (
                <div class="card">
                    <Editor filter={fresh()} done={load} />
                </div>
            ) : (
                <p>
                    <button type="button" class="primary" onClick={() => setOpen("")}>
                        {t("filter_new")}
                    </button>
                </p>
            )}
            {list.map((f) => (
                <section key={f.id} class="card">
                    {open === f.id ? (
                        <Editor filter={f} done={load} />
                    ) : (
                        <div class="row">
                            <span class="grow">
                                <b dir="auto">{f.title}</b>
                                <span class="small"> {f.keywords.map((k) => k.keyword).join(", ")}</span>
                            </span>
                            <button type="button" class="quiet" onClick={() => setOpen(f.id)}>
                                {t("edit")}
                            </button>
                            <button type="button" class="quiet danger" onClick={() => void send("DELETE", `/api/v2/filters/${f.id}`).then(load, tell)}>
                                {t("delete")}
                            </button>
                        </div>
                    )}
                </section>
            ))}
            {!list.length && open === null && <p class="empty">{t("filters_empty")}</p>}
        </>
    );
}
