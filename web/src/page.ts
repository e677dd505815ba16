// Parts of the server's own pages, fetched and taken over: one template serves readers with and without scripts.
// The server said no, in words for people ("" when it said none).
export class Refused extends Error {}

export async function fetchPage(url: string): Promise<Document> {
    const response = await fetch(url, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok) throw new Refused(page.querySelector(".notice p")?.textContent ?? "");
    return page;
}

export function say(words: string): void {
    let region = document.querySelector<HTMLElement>("#say");
    if (!region) {
        region = document.createElement("p");
        region.id = "say";
        region.className = "sr";
        region.setAttribute("role", "status");
        document.body.append(region);
    }
    region.textContent = words;
}
