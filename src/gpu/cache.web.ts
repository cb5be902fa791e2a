/** Small texts that outlive the page, in IndexedDB. */
const DATABASE = "secateur";
const STORE = "cache";

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function withStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    const transaction = database.transaction(STORE, mode);
    const request = use(transaction.objectStore(STORE));
    // Only what a completed transaction wrote is kept: a full disk may still end it after the request.
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export const cachePlace = (name: string): string => `${name} in IndexedDB ${DATABASE}`;

export const readCache = (name: string): Promise<string | undefined> =>
  withStore("readonly", (store) => store.get(name) as IDBRequest<string | undefined>);

export async function writeCache(name: string, text: string): Promise<void> {
  await withStore("readwrite", (store) => store.put(text, name));
}
