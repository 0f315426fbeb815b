use Mojolicious::Lite -signatures;

get '/' => sub ($c) { $c->render(text => "hello from the stack\n") };

app->start;
