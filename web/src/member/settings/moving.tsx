// Moving in and out: an archive of everything, lists as CSV, and imports with how far they are.
import { useEffect, useState } from "preact/hooks";
import { fullTime, t, type Key } from "../../i18n";
import { get, send, upload } from "../api";
import { show, tell } from "../state";

interface Transfer {
    id: string;
    kind: string;
    state: "waiting" | "running" | "done" | "failed";
    done: number;
    total: number;
    file: string | null;
    report: string;
    created_at: string;
}
const csv = ["follows", "blocks", "mutes", "domain_blocks", "lists", "bookmarks"] as const;

export default function Moving() {
    const [list, setList] = useState<Transfer[]>([]);
    const [kind, setKind] = useState<string>("follows");
    const [busy, setBusy] = useState(false);
    const load = (): void => void get<Transfer[]>("/api/mynah/transfers").then(setList, tell);
    const running = list.some((x) => x.state === "running" || x.state === "waiting");
    useEffect(() => {
        load();
    }, []);
    useEffect(() => {
        if (!running) return;
        const timer = setInterval(load, 2000);
        return () => clearInterval(timer);
    }, [running]);
    const take = async (file: File | undefined): Promise<void> => {
        if (!file) return;
        const form = new FormData();
        form.append("kind", kind);
        form.append("file", file);
        setBusy(true);
        try {
            await upload("POST", "/api/mynah/transfers/import", form);
            show(t("import_begun"));
            load();
        } catch (error) {
            tell(error);
        }
        setBusy(false);
    };
    return (
        <>
            <section class="card settings-form">
                <h2>{t("take_with_you")}</h2>
                <p>{t("take_with_you_about")}</p>
                <p class="row">
                    <button type="button" class="primary" disabled={running} onClick={() => void send("POST", "/api/mynah/transfers/export").then(load, tell)}>
                        {t("make_archive")}
                    </button>
                </p>
                <p class="small">{t("as_csv")}</p>
                <p class="row">
                    {csv.map((c) => (
                        <a key={c} class="button quiet" href={`/api/mynah/export/${c}.csv`} download>
                            {t(`csv_${c}` as Key)}
                        </a>
                    ))}
                </p>
            </section>
            <section class="card settings-form">
                <h2>{t("bring_along")}</h2>
                <p>{t("bring_along_about")}</p>
                <label class="row">
                    {t("what")}
                    <select value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
                        <option value="archive">{t("csv_archive")}</option>
                        {csv.map((c) => (
                            <option key={c} value={c}>
                                {t(`csv_${c}` as Key)}
                            </option>
                        ))}
                    </select>
                </label>
                <input type="file" accept=".csv,.zip,.gz,.tar,.json" aria-label={t("file")} disabled={busy} onChange={(e) => void take(e.currentTarget.files?.[0])} />
            </section>
            {list.length > 0 && (
                <section class="card settings-form">
                    <h2>{t("transfers")}</h2>
                    <ul class="people">
                        {list.map((x) => (
                            <li key={x.id} class="transfer">
                                <span class="grow">
                                    <b>{t(`csv_${x.kind}` as Key)}</b> <span class="small">{fullTime(x.created_at)}</span>
                                    <span class="small">{x.report || t(`transfer_${x.state}`)}</span>
                                    {x.state === "running" && <progress max={x.total || undefined} value={x.total ? x.done : undefined} />}
                                </span>
                                {x.file && x.state === "done" && (
                                    <a class="button primary" href={x.file} download>
                                        {t("download")}
                                    </a>
                                )}
                            </li>
                        ))}
                    </ul>
                </section>
            )}
            <p class="small">
                <a href="/settings/delete">{t("leave")}</a>
            </p>
        </>
    );
}
