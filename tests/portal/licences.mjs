export async function licences() {}
