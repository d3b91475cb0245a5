// The calls of docs/emulator.md for .NET, in the C# that Mono's compiler reads.
using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;

class PushRows
{
    static HttpClient http;

    static async Task<string> Ask(string path, string body, string wanted)
    {
        var answer = await http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
        answer.EnsureSuccessStatusCode();
        var text = await answer.Content.ReadAsStringAsync();
        return Regex.Match(text, "\"" + wanted + "\":\"([^\"]*)\"").Groups[1].Value;
    }

    static async Task Push(string site)
    {
        http = new HttpClient { BaseAddress = new Uri(site) };
        var token = await Ask("/emulator/token", "", "token");
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var columns = "[{\"name\": \"Id\", \"dataType\": \"Int64\"}]";
        var schema = "{\"name\": \"Sales\", \"tables\": [{\"name\": \"Orders\", \"columns\": " + columns + "}]}";
        var id = await Ask("/v1.0/myorg/datasets", schema, "id");
        await Ask("/v1.0/myorg/datasets/" + id + "/tables/Orders/rows", "{\"rows\": [{\"Id\": 1}, {\"Id\": 2}]}", "");
    }

    static void Main(string[] arguments)
    {
        Push(arguments[0]).Wait();
    }
}
