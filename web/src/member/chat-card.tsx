// A model's card: where it comes from, under which licence, and what it was trained on.
import { useEffect, useRef, useState } from "preact/hooks";
import { count, language, short, t } from "../i18n";
import { get } from "./api";
import { Icon } from "./icons";
import { tell } from "./state";

export interface Model {
    name: string;
    created_at: string;
}
interface Card extends Model {
    title?: string | null;
    licence?: string | null;
    origin?: string | null;
    author?: string | null;
    source?: string | null;
    bytes?: number;
    context?: number;
    layers?: number;
    vocabulary?: number;
    ours: boolean;
    training: { corpus?: string; tuned_from?: string; data?: string; tokens?: number; params?: number; train_examples?: number; val_bits_per_byte?: number } | null;
}

const size = (n: number): string => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : n >= 1e6 ? `${Math.round(n / 1e6)} MB` : `${Math.round(n / 1e3)} kB`);
const web = (s: string): string | null => (/^https:\/\/[^\s]+$/.test(s) ? s : null);

function Fact({ label, value }: { label: string; value: string | null | undefined }) {
    if (!value) return null;
    const link = web(value);
    return (
        <div>
            <dt>{label}</dt>
            <dd dir="auto">{link ? <a href={link} rel="noreferrer">{value}</a> : value}</dd>
        </div>
    );
}

function learnt(c: Card): string {
    const x = c.training;
    if (x?.tuned_from && x.data) return t("card_tuned", { base: x.tuned_from, data: x.data });
    if (x?.tuned_from) return t("card_tuned_corpus", { base: x.tuned_from, corpus: x.corpus ?? "" });
    if (x) return t("card_trained_here", { corpus: x.corpus ?? "", tokens: short(x.tokens ?? 0) });
    return t("card_brought");
}

export function ModelCard({ name, onClose }: { name: string; onClose: () => void }) {
    const dialog = useRef<HTMLDialogElement>(null);
    const [card, setCard] = useState<Card | null>(null);
    useEffect(() => {
        dialog.current?.showModal();
        get<Card>(`/api/mynah/chats/models/${encodeURIComponent(name)}`).then(setCard, (error: unknown) => {
            tell(error);
            onClose();
        });
    }, [name]);
    return (
        <dialog ref={dialog} class="model-card" aria-label={t("chat_card")} onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
            <div class="dialog-head">
                <h2 dir="auto">{card?.title || card?.name || name}</h2>
                <button type="button" class="tool" aria-label={t("close")} onClick={() => dialog.current?.close()}>
                    <Icon name="close" />
                </button>
            </div>
            {card && (
                <>
                    <p class="learnt">
                        <Icon name={card.ours ? "leaf" : "globe"} />
                        <span>{learnt(card)}</span>
                    </p>
                    <dl class="fields">
                        <Fact label={t("card_licence")} value={card.licence ?? t("card_not_said")} />
                        <Fact label={t("card_author")} value={card.author} />
                        <Fact label={t("card_origin")} value={card.origin ?? card.source} />
                        <Fact label={t("card_size")} value={card.bytes ? size(card.bytes) + (card.training?.params ? ` · ${short(card.training.params)}` : "") : null} />
                        <Fact label={t("card_context")} value={card.context ? t("card_tokens", { n: count(card.context) }) : null} />
                        <Fact label={t("card_since")} value={new Date(card.created_at).toLocaleDateString(language.value, { dateStyle: "long" })} />
                    </dl>
                    <p class="small">{t("card_wrong")}</p>
                    <a class="button" href={`/models/${encodeURIComponent(card.name)}`}>{t(card.ours ? "card_more" : "card_report")}</a>
                </>
            )}
        </dialog>
    );
}
