// The console's start: data, routes, and the page.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/call.ts';
import { startLive } from './app/live.ts';
import { makeRouter } from './router.tsx';
import { language } from './text/text.ts';
import './app/theme.css';
import './ui/ui.css';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      // What the bridge refuses it refuses again; only silence is worth another try.
      retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 2,
    },
  },
});
const router = makeRouter(queries);
startLive(queries);
document.documentElement.lang = language;

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
