// What is attached to a post: pictures in a grid behind their blurhash, video, sound; and a viewer for pictures.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "./icons";
import type { Media } from "./types";

// ---- blurhash (the public format of blurha.sh: base 83, a DC and up to 80 AC terms of a cosine transform) ------------

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const base83 = (s: string): number => [...s].reduce((v, c) => v * 83 + digits.indexOf(c), 0);
const linear = (v: number): number => (v <= 10.31 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const srgb = (v: number): number => {
    const c = Math.min(1, Math.max(0, v));
    return Math.round(c <= 0.0031308 ? c * 12.92 * 255 : (1.055 * c ** (1 / 2.4) - 0.055) * 255);
};
const signPow = (v: number): number => Math.sign(v) * v * v;

function colours(hash: string): { nx: number; ny: number; terms: number[][] } | null {
    const size = base83(hash.slice(0, 1));
    const nx = (size % 9) + 1;
    const ny = Math.floor(size / 9) + 1;
    if (hash.length !== 4 + 2 * nx * ny || [...hash].some((c) => !digits.includes(c))) return null;
    const max = (base83(hash.slice(1, 2)) + 1) / 166;
    const dc = base83(hash.slice(2, 6));
    const terms = [[linear(dc >> 16), linear((dc >> 8) & 255), linear(dc & 255)]];
    for (let i = 1; i < nx * ny; i++) {
        const v = base83(hash.slice(4 + i * 2, 6 + i * 2));
        terms.push([Math.floor(v / 361), Math.floor(v / 19) % 19, v % 19].map((q) => signPow((q - 9) / 9) * max));
    }
    return { nx, ny, terms };
}

function draw(canvas: HTMLCanvasElement, hash: string): void {
    const c = colours(hash);
    const context = canvas.getContext("2d");
    if (!c || !context) return;
    const n = 32;
    const image = context.createImageData(n, n);
    for (let y = 0; y < n; y++)
        for (let x = 0; x < n; x++) {
            const sum = [0, 0, 0];
            for (let j = 0; j < c.ny; j++)
                for (let i = 0; i < c.nx; i++) {
                    const basis = Math.cos((Math.PI * x * i) / n) * Math.cos((Math.PI * y * j) / n);
                    const term = c.terms[i + j * c.nx] as number[];
                    for (let k = 0; k < 3; k++) sum[k] = (sum[k] as number) + (term[k] as number) * basis;
                }
            image.data.set([...sum.map(srgb), 255], (y * n + x) * 4);
        }
    context.putImageData(image, 0, 0);
}

function Blur({ hash }: { hash: string }) {
    const ref = useRef<HTMLCanvasElement>(null);
    useEffect(() => {
        if (ref.current) draw(ref.current, hash);
    }, [hash]);
    return <canvas ref={ref} class="blur" width={32} height={32} aria-hidden="true" />;
}

// ---- the viewer ------------------------------------------------------------------------------------------------------

const open = signal<{ list: Media[]; at: number } | null>(null);

export function Viewer() {
    const dialog = useRef<HTMLDialogElement>(null);
    const now = open.value;
    useEffect(() => {
        if (now && !dialog.current?.open) dialog.current?.showModal();
        if (!now) dialog.current?.close();
    }, [now]);
    const move = (by: number): void => {
        if (now) open.value = { list: now.list, at: (now.at + by + now.list.length) % now.list.length };
    };
    const m = now?.list[now.at];
    return (
        <dialog
            ref={dialog}
            class="viewer"
            aria-label={t("picture")}
            onClose={() => (open.value = null)}
            onClick={(e) => e.target === dialog.current && (open.value = null)}
            onKeyDown={(e) => {
                if (e.key === "ArrowRight") move(1);
                if (e.key === "ArrowLeft") move(-1);
            }}
        >
            {m && (
                <figure>
                    <img src={m.url ?? m.preview_url ?? ""} alt={m.description ?? ""} />
                    {m.description && <figcaption dir="auto">{m.description}</figcaption>}
                </figure>
            )}
            <div class="viewer-tools">
                {now && now.list.length > 1 && (
                    <>
                        <button type="button" class="tool" aria-label={t("previous")} onClick={() => move(-1)}>
                            <Icon name="back" />
                        </button>
                        <span>
                            {now.at + 1} / {now.list.length}
                        </span>
                        <button type="button" class="tool flip" aria-label={t("next")} onClick={() => move(1)}>
                            <Icon name="back" />
                        </button>
                    </>
                )}
                <button type="button" class="tool" aria-label={t("close")} onClick={() => (open.value = null)}>
                    <Icon name="close" />
                </button>
            </div>
        </dialog>
    );
}

// ---- in a post ---------------------------------------------------------------------------------------------------------

function Picture({ m, list, hidden }: { m: Media; list: Media[]; hidden: boolean }) {
    const [ready, setReady] = useState(false);
    const focus = m.meta?.focus;
    const at = focus ? `${50 + focus.x * 50}% ${50 - focus.y * 50}%` : "50% 50%";
    return (
        <button
            type="button"
            class="picture"
            aria-label={m.description ? `${t("picture")}: ${m.description}` : t("picture_without_words")}
            tabIndex={hidden ? -1 : 0}
            onClick={() => (open.value = { list: list.filter((x) => x.type === "image" || x.type === "gifv"), at: Math.max(0, list.indexOf(m)) })}
        >
            {m.blurhash && (!ready || hidden) && <Blur hash={m.blurhash} />}
            {!hidden && <img src={m.preview_url ?? m.url ?? ""} alt="" loading="lazy" style={{ objectPosition: at }} onLoad={() => setReady(true)} />}
            {m.description && !hidden && <span class="alt">ALT</span>}
        </button>
    );
}

function One({ m, list, hidden }: { m: Media; list: Media[]; hidden: boolean }) {
    if (m.type === "image" || (m.type === "gifv" && !/\.(mp4|webm)$/.test(m.url ?? ""))) return <Picture m={m} list={list} hidden={hidden} />;
    if (m.type === "video" || m.type === "gifv")
        return hidden ? (
            <div class="picture">{m.blurhash && <Blur hash={m.blurhash} />}</div>
        ) : (
            <video class="picture" src={m.url ?? ""} poster={m.preview_url ?? undefined} controls preload="metadata" aria-label={m.description ?? t("video")} />
        );
    if (m.type === "audio") return <audio src={m.url ?? ""} controls preload="none" aria-label={m.description ?? t("sound")} />;
    return (
        <a class="chip" href={m.url ?? "#"}>
            {t("attachment")}
        </a>
    );
}

export function Attachments({ list, sensitive }: { list: Media[]; sensitive: boolean }) {
    const [hidden, setHidden] = useState(sensitive);
    if (!list.length) return null;
    const shown = list.slice(0, 4);
    return (
        <div class={`attachments n${shown.length}${list[0]?.type === "audio" ? " sound" : ""}`}>
            {shown.map((m) => (
                <One key={m.id} m={m} list={list} hidden={hidden} />
            ))}
            {sensitive &&
                (hidden ? (
                    <button type="button" class="reveal" onClick={() => setHidden(false)}>
                        <Icon name="warning" /> {t("sensitive_show")}
                    </button>
                ) : (
                    <button type="button" class="hide-again tool" aria-label={t("sensitive_hide")} onClick={() => setHidden(true)}>
                        <Icon name="close" />
                    </button>
                ))}
        </div>
    );
}
